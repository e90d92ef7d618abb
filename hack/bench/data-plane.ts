/**
 * Prints one JSON: calls of a static server in a container, direct, through nginx and through the gateway with authentication,
 * in turn in one run; CPU and memory of what stands between; and what idle event streams weigh.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { STATIC_BYTES } from '../image-bases.ts'
import { connectEngine, ensureStatic } from '../images.ts'
import { ensureProgram } from '../packages.ts'
import { barsOf } from './bars.ts'
import { BenchGateway } from './bench-gateway.ts'
import type { Cell, DataPlaneResult, Phase } from './data-plane-result.ts'
import { freePorts } from './free-ports.ts'
import { measureIdleStreams } from './idle-streams.ts'
import { startNginx } from './nginx.ts'
import { raiseOpenFiles, streamsWithin } from './open-files.ts'
import { measureCell, type Plan, type Shape, type Ways } from './rounds.ts'

const HELP = `npm run -s bench:data -- [options]

Prints one JSON. Needs a Docker engine (DOCKER_HOST), nginx-light and wrk; as root on Debian it installs what is missing.

  --workers 1,2       one phase for each number of worker processes of the data plane (GATEWAY_WORKERS)
  --rounds 3          how often each way is measured in each cell; the medians are printed
  --seconds 1         how long each time
  --connections 32    only with so many (may be repeated); 1, 32 and 128
  --bytes 102         only with bodies so long (may be repeated); 102, 10240 and 1024000
  --streams 10000     how many idle event streams; fewer where the limit of open files does not allow for them
  --no-uploads        without those cells
  --profile DIR       the gateway writes CPU profiles into DIR when it ends
  --quick             one round of two cells and 50 streams: to see that it works, not to measure
  --help              this text
`
const CONNECTIONS = [1, 32, 128]
const UPLOAD_CONNECTIONS = 32
const FUNCTION = 'static'
const REST_MS = 20_000
/** By then what is called often is compiled. */
const WARM_SECONDS = 3
const QUICK_REST_MS = 500

interface Options {
  readonly workers: readonly number[]
  readonly rounds: number
  readonly seconds: number
  readonly shapes: readonly Shape[]
  readonly streams: number
  readonly restMs: number
  readonly profile: string | undefined
}

function readOptions(): Options | 'help' {
  const { values } = parseArgs({
    allowNegative: true,
    options: {
      workers: { type: 'string', default: '1,2' },
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '1' },
      connections: { type: 'string', multiple: true, default: [] },
      bytes: { type: 'string', multiple: true, default: [] },
      streams: { type: 'string', default: '10000' },
      uploads: { type: 'boolean', default: true },
      profile: { type: 'string' },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false }
    }
  })
  if (values.help) return 'help'
  const connections = values.quick ? [1, UPLOAD_CONNECTIONS] : numbers(values.connections, CONNECTIONS)
  const bytes = values.quick ? STATIC_BYTES.slice(0, 1) : numbers(values.bytes, STATIC_BYTES)
  const downloads = bytes.flatMap(each => connections.map(count => shape('download', count, each)))
  const uploads = bytes.map(each => shape('upload', UPLOAD_CONNECTIONS, each))
  return {
    workers: values.quick ? [0] : values.workers.split(',').map(Number),
    rounds: values.quick ? 1 : Number(values.rounds),
    seconds: Number(values.seconds),
    shapes: values.uploads && !values.quick ? [...downloads, ...uploads] : downloads,
    streams: values.quick ? 50 : Number(values.streams),
    restMs: values.quick ? QUICK_REST_MS : REST_MS,
    profile: values.profile
  }
}

function numbers(given: readonly string[], all: readonly number[]): readonly number[] {
  return given.length === 0 ? all : given.map(Number)
}

function shape(direction: Shape['direction'], connections: number, bytes: number): Shape {
  return { direction, connections, bytes }
}

async function main(options: Options): Promise<void> {
  const startedAt = new Date().toISOString()
  const machine = {
    cpu: cpus()[0]?.model ?? '',
    cpus: cpus().length,
    node: process.version,
    loadAverage: loadavg()[0] ?? 0
  }
  ensureProgram('nginx', 'nginx-light', console.error)
  ensureProgram('wrk', 'wrk', console.error)
  const streams = Math.min(options.streams, streamsWithin(raiseOpenFiles()) * Math.max(1, options.workers.at(-1) ?? 1))
  const directory = mkdtempSync(join(tmpdir(), 'docker-faas-bench-'))
  const docker = connectEngine()
  const image = await ensureStatic(docker, console.error)
  const profiling = options.profile === undefined ? '' : `--cpu-prof --cpu-prof-dir=${options.profile}`
  const [gatewayPort = 0, metrics = 0, nginxPort = 0] = await freePorts(3)
  const gateway = new BenchGateway({
    ...{ docker, directory, ports: { gateway: gatewayPort, metrics } },
    instance: `bench-${randomBytes(3).toString('hex')}`,
    env: { NODE_OPTIONS: profiling }
  })
  try {
    const { phases, idleStreams } = await measure(gateway, { ...options, directory, image, streams, nginxPort })
    const { rounds, seconds: secondsPerRound } = options
    const bars = barsOf(phases, idleStreams)
    const result = { machine, startedAt, secondsPerRound, rounds, phases, idleStreams, bars }
    console.log(JSON.stringify(result satisfies DataPlaneResult, null, 2))
  } finally {
    await gateway.stop()
    await gateway.clear()
    rmSync(directory, { recursive: true })
  }
}

interface Setting extends Options {
  readonly directory: string
  readonly image: string
  readonly nginxPort: number
}

async function measure(gateway: BenchGateway, options: Setting) {
  const phases: Phase[] = []
  for (const workers of options.workers) {
    await gateway.start({ GATEWAY_WORKERS: String(workers) })
    await gateway.deploy(FUNCTION, options.image, 1)
    phases.push({ workers, cells: await measurePhase(gateway, options) })
    await gateway.stop()
  }
  await gateway.start({ GATEWAY_WORKERS: String(options.workers.at(-1)) })
  const idleStreams = await measureIdleStreams(gateway, options)
  return { phases, idleStreams }
}

async function measurePhase(gateway: BenchGateway, options: Setting): Promise<Cell[]> {
  const address = await gateway.addressOf(FUNCTION)
  const nginx = await startNginx(options.directory, options.nginxPort, address)
  const plan: Plan = options
  const ways: Ways = {
    direct: { url: `http://${address}` },
    nginx,
    gateway: { url: gateway.url + gateway.pathOf(FUNCTION), pid: gateway.pid, authorization: gateway.authorization }
  }
  try {
    const warm = shape('download', UPLOAD_CONNECTIONS, STATIC_BYTES[0])
    if (plan.rounds > 1) await measureCell(ways, warm, { ...plan, rounds: 1, seconds: WARM_SECONDS })
    const cells: Cell[] = []
    for (const each of options.shapes) cells.push(await measureCell(ways, each, plan))
    return cells
  } finally {
    await nginx.stop()
  }
}

const options = readOptions()
if (options === 'help') console.log(HELP)
else await main(options)
