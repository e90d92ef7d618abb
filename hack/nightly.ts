/**
 * What is too long for `npm test` and runs at night, one after the other: ten thousand simulated worlds, a thousand kills during
 * writes, ten million inputs for each parser, known vulnerabilities of packages, mutants of what decides. The last line is
 * `N passed, N failed`, as that of `npm test`.
 */
import { run } from './command.ts'

interface Job {
  readonly name: string
  readonly command: readonly [program: string, ...args: string[]]
  readonly env?: Readonly<Record<string, string>>
}

const JOBS: readonly Job[] = [
  { name: 'simulation of 10,000 worlds', command: ['npm', 'run', 'test:simulation'], env: { SEEDS: '10000' } },
  {
    name: '1,000 kills during writes',
    command: ['mocha', 'test/integration/store-faults.test.ts'],
    env: { KILLS: '1000' }
  },
  {
    name: '10 million inputs for each parser of what strangers send',
    command: ['mocha', 'test/integration/fuzz-security.test.ts'],
    env: { FUZZ_RUNS: '10000000' }
  },
  {
    name: '200 requests of other values for each operation of the API',
    command: ['mocha', 'test/integration/openapi-requests.test.ts'],
    env: { OPENAPI_RUNS: '200', OPENAPI_SEED: String(Date.now() % 2 ** 31) }
  },
  {
    name: 'completion in zsh and fish',
    command: ['mocha', 'test/integration/cli-completion.test.ts'],
    env: { COMPLETION_SHELLS: 'zsh,fish' }
  },
  { name: 'known vulnerabilities of what is shipped', command: ['node', 'hack/audit.ts'] },
  { name: 'mutants of what decides', command: ['npm', 'run', 'test:mutation'] }
]

let failed = 0
for (const { name, command, env = {} } of JOBS) {
  const [program, ...args] = command
  console.log(`\n━━ ${name}`)
  const { code, seconds } = await run(program, args, { inherit: true, env })
  console.log(`  ${code === 0 ? '✔' : '✖'} ${name} (${Math.round(seconds)} s)`)
  if (code !== 0) failed += 1
}
if (failed > 0) process.exitCode = 1
console.log(`${JOBS.length - failed} passed, ${failed} failed`)
