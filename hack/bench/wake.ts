/**
 * Prints one JSON: how long calls wait for a function that is frozen or at zero, beside the same Docker calls made directly in
 * the same run, with the bars that they are held to. Milliseconds, medians. `ROUNDS=15` for more than nine of each.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { connectEngine, ensureTestkit } from '../images.ts'
import { BenchGateway } from './bench-gateway.ts'
import type { Bar } from './data-plane-result.ts'
import { Floor } from './floor.ts'

/** Source: issue "The data plane: from zero, under load, and without a lost call", From zero and back. */
const BARS = { thawOverMs: 15, coldRatio: 1.2, heldOverMs: 500 }
const ROUNDS = Number(process.env['ROUNDS'] ?? 9)
const HELD_CALLS = 1000
const HELD_ROUNDS = 3
const POLL_MS = 20
const PORTS = { gateway: 18_780, metrics: 18_790 }
/** It freezes as soon as it may, and stays frozen. */
const LABELS = { 'com.openfaas.scale.zero': 'true', 'com.openfaas.scale.zero-duration': '1s' }
const ANNOTATIONS = { 'com.docker-faas.scale.freeze-duration': '1h' }

const instance = `bench-${randomBytes(3).toString('hex')}`
/** No other instance on the engine has one of its name. */
const NAME = `${instance}-wake`
const directory = mkdtempSync(join(tmpdir(), 'docker-faas-bench-'))
const docker = connectEngine()
const gateway = new BenchGateway({
  docker,
  directory,
  instance,
  ports: PORTS,
  env: { EXEC_TIMEOUT: '60s', STOP_GRACE: '1s' }
})

interface Compared {
  readonly ms: number
  readonly floorMs: number
}

async function main(): Promise<void> {
  const startedAt = new Date().toISOString()
  const machine = { cpus: cpus().length, node: process.version, loadAverage: loadavg()[0] ?? 0 }
  const image = await ensureTestkit(docker)
  const floor = new Floor(docker, image, instance)
  try {
    await gateway.start()
    await gateway.api.apply({
      metadata: { name: NAME, labels: LABELS, annotations: ANNOTATIONS },
      spec: { image, replicas: 1 }
    })
    await reaches(({ readyReplicas }) => readyReplicas === 1)
    await floor.deploy('wake')
    const thaw = await compare(thawOnce, () => thawFloor(floor))
    const cold = await compare(coldOnce, round => time(() => floor.replace('wake', `wake-${round}`)))
    const held = await holdMany()
    const bars = barsOf(thaw, cold, held)
    console.log(JSON.stringify({ machine, startedAt, rounds: ROUNDS, thaw, cold, held, bars }, null, 2))
  } finally {
    await gateway.stop()
    await gateway.clear()
    await floor.clear()
    rmSync(directory, { recursive: true })
  }
}

async function thawOnce(): Promise<number> {
  await reaches(({ frozenReplicas }) => frozenReplicas === 1)
  return time(() => call())
}

async function thawFloor(floor: Floor): Promise<number> {
  await floor.pause()
  return time(() => floor.unpause())
}

async function coldOnce(): Promise<number> {
  await toZero()
  return time(() => call())
}

/** Many calls at once of a function at zero: until the last is answered. The median of a few rounds. */
async function holdMany() {
  const agent = new Agent({ keepAlive: true, maxSockets: HELD_CALLS })
  let failed = 0
  const times: number[] = []
  for (let round = 0; round < HELD_ROUNDS; round++) {
    await toZero()
    times.push(
      await time(async () => {
        const answers = await Promise.allSettled(Array.from({ length: HELD_CALLS }, () => call(agent)))
        failed += answers.filter(({ status }) => status === 'rejected').length
      })
    )
  }
  agent.destroy()
  return { calls: HELD_CALLS, rounds: HELD_ROUNDS, failed, allMs: median(times) }
}

function barsOf(thaw: Compared, cold: Compared, held: { readonly failed: number; readonly allMs: number }): Bar[] {
  const thawOver = thaw.ms - thaw.floorMs
  const ratio = Number((cold.ms / cold.floorMs).toFixed(3))
  const heldOver = held.allMs - cold.ms
  const { thawOverMs, coldRatio, heldOverMs } = BARS
  return [
    {
      name: 'thaw',
      bar: `≤ floor + ${thawOverMs} ms`,
      value: Number(thawOver.toFixed(1)),
      holds: thawOver <= thawOverMs
    },
    { name: 'cold start', bar: `≤ ${coldRatio} × floor`, value: ratio, holds: ratio <= coldRatio },
    {
      name: `${HELD_CALLS} held calls, until the last is answered`,
      bar: `≤ cold start + ${heldOverMs} ms`,
      value: Number(heldOver.toFixed(1)),
      holds: heldOver <= heldOverMs
    },
    { name: 'held calls that failed', bar: '0', value: held.failed, holds: held.failed === 0 }
  ]
}

async function toZero(): Promise<void> {
  await gateway.api.scale(NAME, 0)
  await reaches(({ replicas }) => replicas === 0)
}

async function reaches(isThere: (status: Awaited<ReturnType<typeof statusOf>>) => boolean): Promise<void> {
  while (!isThere(await statusOf())) await delay(POLL_MS)
  // The status is written before the pass has ended.
  await delay(POLL_MS)
}

async function statusOf() {
  const view = await gateway.api.get(NAME)
  if (view === undefined) throw new Error(`${NAME} is gone`)
  return view.status
}

/** Resolves when it is answered 200. */
function call(agent?: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: gateway.authorization }
    get(`${gateway.url}/function/${NAME}`, { agent: agent ?? false, headers }, res => {
      res.resume().on('error', reject)
      res.on('end', () => (res.statusCode === 200 ? resolve() : reject(new Error(`answered ${res.statusCode}`))))
    }).on('error', reject)
  })
}

/** Medians of ours and of the floor, one after the other in each round, so that what else the machine does is the same for both. */
async function compare(
  ours: (round: number) => Promise<number>,
  floor: (round: number) => Promise<number>
): Promise<Compared> {
  const times: { ours: number; floor: number }[] = []
  for (let round = 0; round < ROUNDS; round++) times.push({ floor: await floor(round), ours: await ours(round) })
  return { ms: median(times.map(each => each.ours)), floorMs: median(times.map(each => each.floor)) }
}

async function time(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}

function median(values: readonly number[]): number {
  return Number((values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN).toFixed(1))
}

await main()
