import { type Command, InvalidArgumentError } from 'commander'
import { type AdoptOptions, adopt } from './adopt.ts'
import { type AuditListOptions, listAuditLog, verifyAuditLog } from './audit.ts'
import type { Environment } from './environment.ts'
import { applyFirewall, checkFirewall, removeFirewall } from './firewall.ts'
import { GATEWAY_OPTION } from './gateway-target.ts'
import { addInvocations } from './invocations.ts'
import { printMigrationStatus, runMigrateDown, runMigrateUp } from './migrate.ts'
import { printPassword } from './password.ts'
import { printPlan } from './plan.ts'
import { createCommand, runCommand } from './run.ts'
import { printSchedules, type SchedulesOptions } from './schedules.ts'
import { type RotateOptions, rotateKey } from './secrets.ts'
import { serve } from './serve.ts'
import { addSmallCommands } from './small.ts'
import { createToken, listTokens, revokeToken, type TokenCreateOptions, type TokenListOptions } from './token.ts'
import { readVersion } from './version.ts'

/** Runs the command that `argv` names. */
export async function runProgram(argv: readonly string[], environment: Environment): Promise<void> {
  await runCommand(createProgram(environment), argv)
}

function createProgram(environment: Environment): Command {
  const { version } = readVersion()
  const program = createCommand()
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
    .command('adopt')
    .description('list what runs and the database of the running gateway does not know, and decide about it')
    .argument('[functions...]', 'decide for these only: name, or namespace/name')
    .option('--confirm', 'write those functions down again as they run; no container is restarted', false)
    .option('--delete', 'give up what the database does not know, and go back to it', false)
    .option('--json', 'print JSON', false)
    .option(...GATEWAY_OPTION)
    .addHelpText('after', '\nSee docs/operations.md: the database is gone, or old.')
    .action((functions: string[], options: AdoptOptions) => adopt(environment, functions, options))
  program
    .command('password')
    .description("print the administrator's password, out of the files of the gateway")
    .action(() => printPassword(environment))
  addSmallCommands(program, environment)
  program
    .command('version')
    .description('print the version')
    .action(() => void process.stdout.write(`${version}\n`))
  addToken(program, environment)
  addMigrate(program, environment)
  addFirewall(program, environment)
  addAudit(program, environment)
  addSecrets(program, environment)
  addInvocations(program, environment)
  addSchedules(program, environment)
  return program
}

function addToken(program: Command, environment: Environment): void {
  const token = program
    .command('token')
    .description('create, list and revoke the tokens of the running gateway')
    .addHelpText('after', '\nSee docs/authentication.md.')
  token
    .command('create')
    .description('create a token and print it, this once')
    .argument('<name>', 'what it is for; letters, digits, "-", "_" and "."')
    .requiredOption('--scope <scope...>', 'what it is good for: read, deploy, invoke, secrets, admin')
    .option('--namespace <namespace...>', 'bind it to these namespaces; all when left out')
    .option('--expires-in <duration>', 'how long it is good, such as 720h; until it is revoked when left out')
    .option('--json', 'print JSON', false)
    .option(...GATEWAY_OPTION)
    .action((name: string, options: TokenCreateOptions) => createToken(environment, name, options))
  token
    .command('list')
    .description('print tokens and sessions, without their secrets')
    .option('--json', 'print JSON', false)
    .option(...GATEWAY_OPTION)
    .action((options: TokenListOptions) => listTokens(environment, options))
  token
    .command('revoke')
    .description('revoke a token at once')
    .argument('<token>', 'its id or its name')
    .option(...GATEWAY_OPTION)
    .action((name: string, options: { gateway?: string }) => revokeToken(environment, name, options))
}

function addMigrate(program: Command, environment: Environment): void {
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

function addFirewall(program: Command, environment: Environment): void {
  const firewall = program
    .command('firewall')
    .description(
      'keep functions from the host, where the gateway cannot: as root, in the network namespace of the engine'
    )
    .addHelpText(
      'after',
      '\nSee docs/isolation.md. It needs iptables and the environment of the gateway, and no engine.'
    )
  firewall
    .command('apply')
    .description('write the rules where they are not as they should be')
    .option('--keep', 'go on and write them again whenever somebody wipes them, until SIGINT or SIGTERM', false)
    .action((options: { keep: boolean }) => applyFirewall(environment, options))
  firewall
    .command('check')
    .description('say whether the rules are as they should be; end with code 1 when not')
    .action(() => checkFirewall(environment))
  firewall
    .command('remove')
    .description('take the rules of this installation away')
    .action(() => removeFirewall(environment))
}

function addAudit(program: Command, environment: Environment): void {
  const audit = program
    .command('audit')
    .description('look at the audit log in the database, whether or not the gateway runs')
    .addHelpText('after', '\nSee docs/audit.md.')
  audit
    .command('verify')
    .description('check that no row was changed, inserted or removed; exit code 1 when one was')
    .option(
      '--head <id:mac>',
      'a row that the log must hold, as an earlier verify or the log of the gateway printed it'
    )
    .action((options: { head?: string }) => verifyAuditLog(environment, options))
  audit
    .command('list')
    .description('print rows, the newest first')
    .option('--since <time>', 'from then on, RFC 3339')
    .option('--until <time>', 'before then, RFC 3339')
    .option('--actor <name>', 'of this user or token')
    .option('--kind <kind>', 'about objects of this kind, such as function or secret')
    .option('--namespace <namespace>', 'about objects of this namespace')
    .option('--name <name>', 'about objects of this name')
    .option('--before <id>', 'older than this row', toInteger)
    .option('--limit <number>', 'most rows', toInteger, 100)
    .option('--json', 'print a JSON object per line', false)
    .action((options: AuditListOptions) => listAuditLog(environment, options))
}

function addSecrets(program: Command, environment: Environment): void {
  program
    .command('secrets')
    .description('look after the keys that secrets are encrypted with')
    .addHelpText('after', '\nSee docs/secrets.md.')
    .command('rotate-key')
    .description('have the running gateway encrypt every secret with a new key, while it serves')
    .option('--remove-old', 'take keys out of the file that no secret needs; older backups may need them', false)
    .option('--json', 'print JSON', false)
    .option(...GATEWAY_OPTION)
    .action((options: RotateOptions) => rotateKey(environment, options))
}

function addSchedules(program: Command, environment: Environment): void {
  program
    .command('schedules')
    .description('print when functions are called by the clock: the last run, the next, and how many there were')
    .option('--namespace <namespace>', 'of this namespace only')
    .option('--json', 'print JSON', false)
    .option(...GATEWAY_OPTION)
    .addHelpText('after', '\nSee docs/schedules.md.')
    .action((options: SchedulesOptions) => printSchedules(environment, options))
}

function toInteger(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.')
  return Number(text)
}
