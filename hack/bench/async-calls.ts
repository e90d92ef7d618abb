/**
 * Prints one JSON: asynchronous calls that a gateway with authentication accepts in a second, each flushed to the disk before its
 * 202; what synchronous calls beside them take; and how long what was accepted takes to be carried out.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { connectEngine, ensureStatic } from '../images.ts'
import { ensureProgram } from '../packages.ts'
import { BenchGateway } from './bench-gateway.ts'
import { cpuMicros, familyOf, rssKiB } from './proc.ts'
import { runLoad } from './wrk.ts'

const HELP = `npm run -s bench:async -- [options]

Prints one JSON. Needs a Docker engine (DOCKER_HOST) and wrk; as root on Debian it installs what is missing.

  --seconds 5         how long each part takes
  --connections 64    clients that submit calls
  --bytes 500         length of their bodies
  --help              this text
`
/** Source: issue "The data plane: from zero, under load, and without a lost call", Asynchronous calls. */
const LEAST_PER_SECOND = 2000
const PORTS = { gateway: 18880, metrics: 18890 }
/** Synchronous calls beside: so many a second, whatever their answers take. */
const PACE_MS = 10
const MAX_DRAIN_MS = 600_000

interface Percentiles {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly failed: number
}

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '64' },
    bytes: { type: 'string', default: '500' },
    help: { type: 'boolean', default: false }
  }
})

async function main(): Promise<void> {
  ensureProgram('wrk', 'wrk', console.error)
  const directory = mkdtempSync(join(tmpdir(), 'docker-faas-bench-'))
  const docker = connectEngine()
  const image = await ensureStatic(docker, console.error)
  const gateway = new BenchGateway({
    ...{ docker, directory, ports: PORTS, instance: `bench-${randomBytes(3).toString('hex')}` },
    env: { ASYNC_QUEUE_MAX: '1000000', METRICS_ADDRESS: '127.0.0.1' }
  })
  try {
    await gateway.start()
    await gateway.deploy('static', image, 1)
    await gateway.deploy('later', image, 1)
    console.log(JSON.stringify(await measure(gateway, directory), null, 2))
  } finally {
    await gateway.stop()
    await gateway.clear()
    rmSync(directory, { recursive: true, force: true })
  }
}

async function measure(gateway: BenchGateway, directory: string) {
  const seconds = Number(options.seconds)
  const sync = `${gateway.url}${gateway.pathOf('static')}/102`
  const alone = await pacedCalls(gateway, sync, seconds)
  const cpuBefore = cpuMicros(familyOf(gateway.pid))
  const [load, beside] = await Promise.all([
    runLoad(directory, {
      url: `${gateway.url}${gateway.pathOf('later').replace('/function/', '/async-function/')}/102`,
      ...{ connections: Number(options.connections), seconds, uploadBytes: Number(options.bytes) },
      authorization: gateway.authorization
    }),
    pacedCalls(gateway, sync, seconds)
  ])
  const cpu = cpuMicros(familyOf(gateway.pid)) - cpuBefore
  const rss = rssKiB(familyOf(gateway.pid))
  const waiting = await pending(gateway)
  const startedAt = performance.now()
  while ((await pending(gateway)) > 0 && performance.now() - startedAt < MAX_DRAIN_MS) await delay(200)
  const drainSeconds = (performance.now() - startedAt) / 1000
  const acceptedPerSecond = Math.round((load.requests - load.errors) / load.seconds)
  return {
    ...{ seconds, connections: Number(options.connections), bytes: Number(options.bytes) },
    accepted: { perSecond: acceptedPerSecond, p50Ms: load.p50Ms, p99Ms: load.p99Ms, errors: load.errors },
    cpuPercent: Math.round(cpu / load.seconds / 10_000),
    rssMiB: Math.round(rss / 1024),
    carriedOut: { waitingAtTheEnd: waiting, perSecondAfterwards: Math.round(waiting / drainSeconds) },
    syncCalls: { alone, beside },
    bars: [{ name: 'accepted a second', bar: `≥ ${LEAST_PER_SECOND}`, holds: acceptedPerSecond >= LEAST_PER_SECOND }]
  }
}

async function pending(gateway: BenchGateway): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${PORTS.metrics}/metrics`)).text()
  const found = [
    ...text.matchAll(/^(?:queue_worker_pending_messages|queue_worker_function_invocation_inflight)\{.*\} (\d+)$/gm)
  ]
  if (gateway.pid === 0) throw new Error('the gateway has ended')
  return found.reduce((sum, [, count]) => sum + Number(count), 0)
}

/** Calls at a steady pace, which shows a loop that stands still, as callers that wait for their answers would not. */
async function pacedCalls(gateway: BenchGateway, url: string, seconds: number): Promise<Percentiles> {
  const agent = new Agent({ keepAlive: true })
  const headers = { authorization: gateway.authorization }
  const times: number[] = []
  let failed = 0
  const call = () =>
    new Promise<void>(resolve => {
      const startedAt = performance.now()
      const req = request(url, { agent, headers }, res => {
        if (res.statusCode !== 200) failed++
        res.resume().once('end', () => {
          times.push(performance.now() - startedAt)
          resolve()
        })
      })
      req.once('error', () => {
        failed++
        resolve()
      })
      req.end()
    })
  const all: Promise<void>[] = []
  const end = performance.now() + seconds * 1000
  while (performance.now() < end) {
    all.push(call())
    await delay(PACE_MS)
  }
  await Promise.all(all)
  agent.destroy()
  times.sort((a, b) => a - b)
  const at = (share: number) => Math.round((times[Math.floor(times.length * share)] ?? 0) * 100) / 100
  return { p50Ms: at(0.5), p99Ms: at(0.99), failed }
}

if (options.help) console.log(HELP)
else await main()
