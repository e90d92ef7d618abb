/**
 * Runs the levels named, or all of them, and sums up. The last line is always `N passed, N failed`; the code is 1 when
 * a test failed, a level broke off, or nothing ran at all.
 */
import { randomInt } from 'node:crypto'
import { globSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { loadConfig } from '../src/config/load.ts'
import { runChecks } from './check.ts'
import { run } from './command.ts'
import { connectEngine, ensureHello, ensureSample, ensureTestkit, type Sample } from './images.ts'
import { exposedDebugPorts, type Listener, readListeners } from './listeners.ts'
import { ensurePrograms, type Program } from './packages.ts'
import { openProxy, tallyOfRefusals } from './proxied.ts'
import { sum, type Tally, tallyOf } from './tally.ts'
import { NameWatch, scanLeftovers } from './test-objects.ts'

interface Level {
  readonly files: string
  readonly covered: boolean
  readonly docker: boolean
  /** The program reaches Docker through its socket proxy, which may have to refuse nothing. */
  readonly proxied?: true
  /** What its tests run beside Docker, and the packages of Debian's that it is in. */
  readonly programs?: readonly Program[]
  readonly samples?: readonly Sample[]
}

const COMPILER = 'gcc libc6-dev'
const REGISTRY: readonly Program[] = [
  ['docker-registry', 'docker-registry'],
  ['htpasswd', 'apache2-utils']
]

const LEVELS: Readonly<Record<string, Level>> = {
  unit: { files: '{api,controllers,src,migrations,hack,test/helpers}/**/*.test.ts', covered: true, docker: false },
  simulation: { files: 'test/simulation/**/*.test.ts', covered: false, docker: false },
  integration: {
    files: 'test/integration/**/*.test.ts',
    covered: true,
    docker: true,
    proxied: true,
    programs: [
      ['openssl', 'openssl'],
      ['nginx', 'nginx-light'],
      ['python3', 'python3'],
      ['curl', 'curl'],
      ['jq', 'jq'],
      ['gcc', COMPILER],
      ...REGISTRY
    ],
    samples: ['node', 'shell']
  },
  chaos: {
    files: 'test/chaos/**/*.test.ts',
    covered: false,
    docker: true,
    programs: [['ip', 'iproute2'], ['faketime', 'faketime'], ['gcc', COMPILER], ...REGISTRY]
  },
  sweep: { files: 'test/sweep/**/*.test.ts', covered: false, docker: true, programs: [['gcc', COMPILER]] },
  scale: {
    files: 'test/scale/**/*.test.ts',
    covered: false,
    docker: true,
    programs: [
      ['nginx', 'nginx-light'],
      ['wrk', 'wrk']
    ]
  },
  e2e: { files: 'test/e2e/**/*.test.ts', covered: false, docker: true }
}
const COVERAGE = 'coverage'
/** In the names of all that the tests of this run make on the engine: letters that neither words nor ids have together. */
const MARK = Array.from({ length: 4 }, () => 'ghjkmpqrtvwxz'[randomInt(13)]).join('')

/** A level, or its every n-th file: `integration 2/3` has the second, the fifth, and so on. */
type Share = string

/**
 * All levels: stages one after the other, and in each the tracks side by side. Integration, chaos (on engines of its own) and sweep
 * mostly wait, and know their own objects by the label of their run; scale asks for times, so nothing runs beside it.
 */
const WHOLE: readonly (readonly (readonly Share[])[])[] = [
  [['check', 'simulation'], ['unit']],
  [['integration 1/2', 'chaos 2/2'], ['integration 2/2'], ['chaos 1/2', 'sweep']],
  [['scale', 'e2e']]
]

async function main(wanted: readonly Share[]): Promise<void> {
  const unknown = wanted.find(share => share !== 'check' && !(nameOf(share) in LEVELS))
  if (unknown !== undefined) {
    console.error(`There is no level ${unknown}; there are check, ${Object.keys(LEVELS).join(', ')}.`)
    process.exitCode = 64
    return
  }
  const stages = wanted.length > 0 ? [[wanted]] : WHOLE
  const names = new Set(stages.flat(2).map(nameOf))
  rmSync(COVERAGE, { recursive: true, force: true })
  mkdirSync(COVERAGE, { recursive: true })
  const levels = [...names].flatMap(name => LEVELS[name] ?? [])
  ensurePrograms(
    levels.flatMap(({ programs }) => programs ?? []),
    console.log
  )
  const engine = levels.some(({ docker }) => docker) ? await prepareEngine(levels) : undefined
  const before = readListeners()
  const tallies: Tally[] = []
  for (const tracks of stages) {
    const ofStage = await Promise.all(tracks.map((track, index) => runTrack(track, { inherit: index === 0 })))
    tallies.push(...ofStage.flat())
  }
  if (levels.some(({ covered }) => covered)) await run('c8', ['report'], { inherit: true })
  tallies.push(scanDebugPorts(before), ...((await engine?.scan()) ?? []))
  const { passed, failures } = sum(tallies)
  if (failures.length > 0 || passed === 0) process.exitCode = 1
  // Once more at the end, as whoever reads the output of CI may have no more of it than its end.
  for (const failure of failures) console.log(`  ✖ ${failure}`)
  console.log(`${passed} passed, ${failures.length} failed`)
}

/** Makes the images, so that no test has to within its time; the scan tells what the tests did wrong on the engine that they share. */
async function prepareEngine(levels: readonly Level[]): Promise<{ scan: () => Promise<Tally[]> }> {
  const engine = connectEngine()
  await ensureHello(engine, console.log)
  await ensureTestkit(engine, console.log)
  for (const sample of new Set(levels.flatMap(({ samples }) => samples ?? []))) await ensureSample(engine, sample)
  const names = new NameWatch(MARK)
  await names.start(engine)
  return { scan: async () => [names.stop(), await scanLeftovers(engine, MARK)] }
}

/** Runs levels in order. Without `inherit`, what one writes is shown when it has ended. */
async function runTrack(shares: readonly Share[], output: { readonly inherit: boolean }): Promise<Tally[]> {
  const tallies: Tally[] = []
  for (const share of shares) tallies.push(await runLevel(share, output))
  return tallies
}

async function runLevel(share: Share, { inherit }: { readonly inherit: boolean }): Promise<Tally> {
  const title = `\n━━ ${share}`
  if (inherit) console.log(title)
  const level = LEVELS[nameOf(share)]
  if (level === undefined) return runChecks()
  const files = filesOf(level, share)
  const countFile = `${COVERAGE}/${share.replaceAll(/\W/g, '-')}.json`
  const proxy = level.proxied ? await openProxy() : undefined
  const env = { COUNT_FILE: countFile, TEST_MARK: `${MARK}${letterOf(share)}`, ...proxy?.env }
  const outcome = level.covered
    ? await run('c8', ['--clean=false', '--reporter=none', 'mocha', ...files], { inherit, env })
    : await run('mocha', files, { inherit, env })
  if (!inherit) console.log(`${title}\n${outcome.output.trimEnd()}`)
  const tally = tallyOf(share, readCount(countFile), outcome.code)
  return proxy === undefined ? tally : sum([tally, tallyOfRefusals(await proxy.close())])
}

function nameOf(share: Share): string {
  return share.split(' ')[0] ?? share
}

/** Another one for each share that runs beside another. */
function letterOf(share: Share): string {
  return 'abcdefghijklmnopqrstuvwxyz'.at(WHOLE.flat(2).indexOf(share)) ?? 'z'
}

function filesOf(level: Level, share: Share): string[] {
  const [nth = 1, of = 1] = (share.split(' ')[1] ?? '1/1').split('/').map(Number)
  return globSync(level.files)
    .sort()
    .filter((_, index) => index % of === nth - 1)
}

/** S10: once all is over, no debug port listens where others reach it; what did so before the tests is not theirs. */
function scanDebugPorts(before: readonly Listener[]): Tally {
  const exposed = exposedDebugPorts(readListeners(), loadConfig({}).DEBUG_PORT_RANGE).filter(
    ({ address, port }) => !before.some(listener => listener.address === address && listener.port === port)
  )
  return { passed: 0, failures: exposed.map(({ address, port }) => `S10: debug port ${port} listens on ${address}`) }
}

function readCount(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined // mocha died before it could write it
  }
}

await main(process.argv.slice(2))
