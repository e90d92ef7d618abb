import { Command, InvalidArgumentError } from 'commander'
import type { Environment } from './cli/environment.ts'
import { printMigrationStatus, runMigrateDown, runMigrateUp } from './cli/migrate.ts'
import { printPlan } from './cli/plan.ts'
import { serve } from './cli/serve.ts'
import { readVersion } from './cli/version.ts'

/** The process, as commands see it; nothing else reads `process.env` and `process.argv`. */
const environment: Environment = { env: process.env, stdout: process.stdout, onSignal }

await main(process.argv)

async function main(argv: readonly string[]): Promise<void> {
  try {
    await createProgram().parseAsync(argv)
  } catch (err) {
    process.stderr.write(`docker-faas: ${messageOf(err)}\n`)
    const { exitCode } = err as { exitCode?: unknown }
    process.exitCode = typeof exitCode === 'number' ? exitCode : 1
  }
}

function createProgram(): Command {
  const { version } = readVersion()
  const program = new Command('docker-faas')
    .description('OpenFaaS functions on plain Docker, kept as written down by a reconcile loop')
    .version(version)
    .addHelpText('after', '\nConfiguration is read from the environment: see docs/configuration.md.')
    .showHelpAfterError()
  program
    .command('serve')
    .description('run the gateway: API, data plane and reconcile loop, until SIGINT or SIGTERM')
    .action(() => serve(environment))
  program
    .command('plan')
    .description('print what the loop would do now, garbage collection included; change nothing')
    .option('--json', 'print JSON', false)
    .action((options: { json: boolean }) => printPlan(environment, options))
  program
    .command('version')
    .description('print the version')
    .action(() => void process.stdout.write(`${version}\n`))
  addMigrate(program)
  return program
}

function addMigrate(program: Command): void {
  const migrate = program.command('migrate').description('look at and change the schema of the database')
  migrate
    .command('status')
    .description('print every migration and when it was applied')
    .action(() => printMigrationStatus(environment))
  migrate
    .command('up')
    .description('apply what is pending, after a backup; the gateway does so at its start')
    .action(() => runMigrateUp(environment))
  migrate
    .command('down')
    .description('revert to an older schema, after a backup; stop the gateway first')
    .requiredOption('--to <version>', 'schema version to end at; 2 is that of the older Docker FaaS', toInteger)
    .action((options: { to: number }) => runMigrateDown(environment, options.to))
}

function toInteger(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.')
  return Number(text)
}

function onSignal(stop: (signal: string) => Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const handle = (signal: string) => {
      // The second signal has its default effect: whoever cannot wait need not.
      process.off('SIGINT', handle)
      process.off('SIGTERM', handle)
      stop(signal).then(resolve, reject)
    }
    process.on('SIGINT', handle)
    process.on('SIGTERM', handle)
  })
}

/** The message and those of its causes that it does not hold already, without stacks: this is for people. */
function messageOf(err: unknown): string {
  if (!(err instanceof Error)) return String(err)
  const cause = err.cause instanceof Error ? messageOf(err.cause) : ''
  return err.message.includes(cause) ? err.message : `${err.message}: ${cause}`
}
