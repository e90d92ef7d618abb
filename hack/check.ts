/** Everything about the code that can be said without running it. Ends with code 1 when something is wrong. */
import { existsSync, globSync } from 'node:fs'
import { type Outcome, run } from './command.ts'
import type { Tally } from './tally.ts'

interface Check {
  readonly name: string
  readonly command: readonly [string, ...string[]]
  /** What to do about it when it fails. */
  readonly help?: string
}

const FOLDERS = ['api', 'controllers', 'src', 'migrations', 'hack', 'test'].filter(folder => existsSync(folder))
const SCRIPTS = [...globSync(['hack/**/*.{sh,cgi}', 'hack/bin/*']), '.ci/run']

const CHECKS: readonly Check[] = [
  { name: 'types (tsc)', command: ['tsc', '--noEmit'] },
  { name: 'style (biome)', command: ['biome', 'ci', '--colors=off'], help: 'npm run fix mends most of it' },
  { name: 'direction of imports (dependency-cruiser)', command: ['depcruise', ...FOLDERS] },
  { name: 'nothing unused (knip)', command: ['knip', '--no-progress'] },
  {
    name: 'configuration reference is up to date',
    command: ['node', 'hack/config-docs.ts', '--check'],
    help: 'node hack/config-docs.ts writes it'
  },
  {
    name: 'every fault and requirement has a test, and the tables of them are up to date',
    command: ['node', 'hack/test-docs.ts', '--check'],
    help: 'node hack/test-docs.ts writes them'
  },
  {
    name: 'packages are pinned, licensed, and run nothing unasked',
    command: ['node', 'hack/supply-chain.ts'],
    help: 'hack/supply-chain-rules.ts says what is allowed'
  },
  {
    name: 'the page of Docker endpoints is up to date',
    command: ['node', 'hack/endpoint-docs.ts', '--check'],
    help: 'node hack/endpoint-docs.ts writes it'
  },
  {
    name: 'the API breaks no client of the last release',
    command: ['node', 'hack/openapi-changes.ts'],
    help: 'CONTRIBUTING.md says when node hack/openapi-changes.ts --renew is right'
  },
  { name: 'shell scripts (shellcheck)', command: ['shellcheck', ...SCRIPTS] }
]

/** Runs every check, tells about each, and counts. */
export async function runChecks(): Promise<Tally> {
  const failures: string[] = []
  let passed = 0
  for (const { name, command, help } of CHECKS) {
    const [program, ...args] = command
    if (program === 'shellcheck' && (await run('shellcheck', ['--version'])).code !== 0) {
      console.log(`  - ${name}: skipped, shellcheck is not installed`)
      continue
    }
    const outcome = await run(program, args)
    tell(name, outcome, help)
    if (outcome.code === 0) passed += 1
    else failures.push(`check: ${name}`)
  }
  return { passed, failures }
}

function tell(name: string, { code, output, seconds }: Outcome, help: string | undefined): void {
  console.log(`  ${code === 0 ? '✔' : '✖'} ${name} (${seconds.toFixed(1)} s)`)
  if (code === 0) return
  console.log(output.trimEnd().replace(/^/gm, '    '))
  if (help !== undefined) console.log(`    (${help})`)
}

if (import.meta.main) {
  const { failures } = await runChecks()
  if (failures.length > 0) process.exitCode = 1
}
