/**
 * Prints one JSON: how long the loop takes, beside its floor, the same Docker calls made directly in the same run.
 * Milliseconds, medians. `FUNCTIONS=100` says how many functions a restart is measured with.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { getCondition } from '../../api/condition.ts'
import { LABEL } from '../../api/labels.ts'
import { Api, isReady } from '../api.ts'
import { type Gateway, startGateway } from '../gateway.ts'
import { connectEngine, ensureHello } from '../images.ts'
import { readSettings, type Settings } from '../settings.ts'
import { FLOOR_LABEL, Floor } from './floor.ts'

const ROUNDS = 7
const SCALE_ROUNDS = 5
const REPLICAS = 10
const FUNCTIONS = Number(process.env['FUNCTIONS'] ?? 100)
const QUIET_MS = 60_000
/** In which the work of before comes to an end. */
const IDLE_MS = 5000
const MUTATING =
  /operation="(container_(create|start|kill|remove|rename|pause|unpause)|network_(create|remove|connect|disconnect)|volume_remove|image_(pull|remove))"/

const instance = `bench-${randomBytes(3).toString('hex')}`
const directory = mkdtempSync(join(tmpdir(), 'docker-faas-bench-'))
const env = {
  ...process.env,
  INSTANCE_ID: instance,
  FUNCTIONS_NETWORK: instance,
  FUNCTIONS_SUBNET_POOL: '10.120.0.0/16',
  STATE_DB_PATH: join(directory, 'bench.db'),
  GATEWAY_PORT: '18680',
  METRICS_PORT: '18690'
}
const settings: Settings = readSettings(env)
const docker = connectEngine()

/** The gateway that runs now. */
let gateway: Gateway

async function main(): Promise<void> {
  const image = await ensureHello(docker)
  const floor = new Floor(docker, image, instance)
  gateway = await start()
  try {
    const api = new Api(settings, env)
    await delay(IDLE_MS)
    const idle = rssMiB()
    const deploy = await compare(
      ROUNDS,
      round => deployAndCall(api, image, `deploy-${round}`),
      round => time(() => floor.deploy(`deploy-${round}`))
    )
    const repair = await compare(
      ROUNDS,
      round => removeAndCall(api, `deploy-${round}`),
      round => time(() => floor.replace(`deploy-${round}`, `repair-${round}`))
    )
    const scaleOneToTen = await compare(
      SCALE_ROUNDS,
      round => time(() => scaleAndWait(api, image, `deploy-${round}`)),
      round => time(() => floor.many(`deploy-${round}`, REPLICAS - 1))
    )
    const used = rssMiB()
    await floor.clear()
    const restart = await restartWithMany(api, image)
    const quietMinute = await countQuietMinute()
    const rss = { idle, used, withFunctions: rssMiB() }
    const overheadMs = repair.ms - repair.floorMs
    const result = { deploy, scaleOneToTen, repair: { ...repair, overheadMs }, restart, quietMinute, rssMiB: rss }
    console.log(JSON.stringify(result, null, 2))
  } finally {
    await stop()
    await clear()
    rmSync(directory, { recursive: true })
  }
}

async function start(): Promise<Gateway> {
  const started = startGateway(settings, env, console.error)
  while (!(await isReady(`http://127.0.0.1:${settings.port}`))) await delay(10)
  return started
}

async function stop(): Promise<void> {
  gateway.stop()
  await gateway.ended
}

/** How long a gateway takes that finds many functions as they are to be, and what it makes again of them. */
async function restartWithMany(api: Api, image: string) {
  for (let n = 0; n < FUNCTIONS; n += 10) {
    await Promise.all(Array.from({ length: 10 }, (_, i) => deployAndCall(api, image, `many-${n + i}`)))
  }
  const before = await containerIds()
  await stop()
  const readyMs = Math.round(
    await time(async () => {
      gateway = await start()
    })
  )
  const after = await containerIds()
  return { functions: FUNCTIONS, readyMs, recreated: before.filter(id => !after.includes(id)).length }
}

async function time(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}

/** Medians of ours and of the floor, one after the other in each round, so that what else the machine does is the same for both. */
async function compare(
  rounds: number,
  ours: (round: number) => Promise<number>,
  floor: (round: number) => Promise<number>
): Promise<{ ms: number; floorMs: number; ratio: number }> {
  const times: { ours: number; floor: number }[] = []
  for (let round = 0; round < rounds; round++) times.push({ floor: await floor(round), ours: await ours(round) })
  const [ms, floorMs] = [median(times.map(each => each.ours)), median(times.map(each => each.floor))]
  return { ms: Math.round(ms), floorMs: Math.round(floorMs), ratio: Math.round((ms / floorMs) * 100) / 100 }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

async function deployAndCall(api: Api, image: string, name: string): Promise<number> {
  return time(async () => {
    await api.apply({ metadata: { name: `${instance}-${name}` }, spec: { image } })
    await api.invoke(`${instance}-${name}`, 'x')
  })
}

async function removeAndCall(api: Api, name: string): Promise<number> {
  await docker.getContainer(`${instance}-${name}-0`).remove({ force: true })
  return time(() => api.invoke(`${instance}-${name}`, 'x'))
}

async function scaleAndWait(api: Api, image: string, of: string): Promise<void> {
  const name = `${instance}-${of}`
  await api.apply({ metadata: { name }, spec: { image, replicas: REPLICAS } })
  while (true) {
    const view = await api.get(name)
    const isConverged = getCondition(view?.status.conditions ?? [], 'Progressing')?.reason === 'Converged'
    if (isConverged && view?.status.readyReplicas === REPLICAS) return
    await delay(10)
  }
}

async function containerIds(): Promise<string[]> {
  const filters = { label: [`${LABEL.instance}=${instance}`] }
  return (await docker.listContainers({ all: true, filters })).map(c => c.Id)
}

/** What a gateway does in a minute in which nobody wants anything. */
async function countQuietMinute() {
  await delay(IDLE_MS)
  const before = await counts()
  await delay(QUIET_MS)
  const after = await counts()
  return { mutatingCalls: after.mutations - before.mutations, storeWrites: after.writes - before.writes }
}

function rssMiB(): number {
  const pid = readFileSync(join(settings.dataDir, 'gateway.pid'), 'utf8').trim()
  const rssKiB = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  return Math.round(rssKiB / 1024)
}

async function counts(): Promise<{ mutations: number; writes: number }> {
  const text = await (await fetch(`http://127.0.0.1:${settings.metricsPort}/metrics`)).text()
  const sum = (pattern: RegExp) =>
    text
      .split('\n')
      .filter(line => pattern.test(line))
      .reduce((total, line) => total + Number(line.split(' ').at(-1)), 0)
  const mutations = sum(new RegExp(`^faas_engine_request_duration_seconds_count\\{.*${MUTATING.source}`))
  return { mutations, writes: Number(JSON.parse(await resourceVersion())) }
}

/** The number of the last write. */
async function resourceVersion(): Promise<string> {
  const authorization = `Basic ${Buffer.from(`admin:${readFileSync(settings.passwordFile, 'utf8').trim()}`).toString('base64')}`
  const answer = await fetch(`http://127.0.0.1:${settings.port}/v1/functions?namespace=none`, {
    headers: { authorization }
  })
  return String(((await answer.json()) as { metadata: { resourceVersion: number } }).metadata.resourceVersion)
}

/** Removes what carries a label of this run, and nothing else. */
async function clear(): Promise<void> {
  for (const label of [LABEL.instance, FLOOR_LABEL]) {
    const filters = { label: [`${label}=${instance}`] }
    for (const { Id } of await docker.listContainers({ all: true, filters })) {
      await docker.getContainer(Id).remove({ force: true })
    }
    for (const { Id } of await docker.listNetworks({ filters })) await docker.getNetwork(Id).remove()
  }
}

await main()
