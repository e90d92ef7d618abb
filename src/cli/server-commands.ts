import { type Command, InvalidArgumentError } from 'commander'
import type { AuditListOptions } from './audit.ts'
import type { BackupOptions } from './backup.ts'
import type { Environment } from './environment.ts'

/** What looks at the files of the gateway of this machine: each command loads what it needs when it runs. */
export function addServerCommands(program: Command, environment: Environment): void {
  program
    .command('plan')
    .description('print what the loop would do now, garbage collection included; change nothing')
    .option('--json', 'print JSON', false)
    .addHelpText(
      'after',
      '\nIt looks at the database and the engine itself, whether or not a gateway runs: set the variables that the gateway has.\nGET /v1/plan asks the one that runs.'
    )
    .action(async (options: { json: boolean }) => (await import('./plan.ts')).printPlan(environment, options))
  program
    .command('password')
    .description("print the administrator's password, out of the files of the gateway")
    .action(async () => (await import('./password.ts')).printPassword(environment))
  program
    .command('backup')
    .description('copy the database and the files beside it, while the gateway runs or not')
    .argument('<folder>', 'a folder that is not there yet; -: a tar archive to the standard output')
    .option('--secrets-key', 'the key of the secrets as well: who has both has every secret', false)
    .addHelpText('after', '\nSee docs/operations.md.')
    .action(async (folder: string, options: BackupOptions) =>
      (await import('./backup.ts')).runBackup(environment, folder, options)
    )
  addMigrate(program, environment)
  addFirewall(program, environment)
  addAudit(program, environment)
}

function addMigrate(program: Command, environment: Environment): void {
  const migrate = program.command('migrate').description('look at and change the schema of the database')
  migrate
    .command('status')
    .description('print every migration and when it was applied')
    .action(async () => (await import('./migrate.ts')).printMigrationStatus(environment))
  migrate
    .command('up')
    .description('apply what is pending, after a backup; the gateway does so at its start')
    .action(async () => (await import('./migrate.ts')).runMigrateUp(environment))
  migrate
    .command('down')
    .description('revert to an older schema, after a backup; stop the gateway first')
    .requiredOption('--to <version>', 'schema version to end at; 2 is that of the older Docker FaaS', toInteger)
    .action(async (options: { to: number }) => (await import('./migrate.ts')).runMigrateDown(environment, options.to))
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
    .action(async (options: { keep: boolean }) => (await import('./firewall.ts')).applyFirewall(environment, options))
  firewall
    .command('check')
    .description('say whether the rules are as they should be; end with code 1 when not')
    .action(async () => (await import('./firewall.ts')).checkFirewall(environment))
  firewall
    .command('remove')
    .description('take the rules of this installation away')
    .action(async () => (await import('./firewall.ts')).removeFirewall(environment))
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
    .action(async (options: { head?: string }) => (await import('./audit.ts')).verifyAuditLog(environment, options))
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
    .action(async (options: AuditListOptions) => (await import('./audit.ts')).listAuditLog(environment, options))
}

function toInteger(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.')
  return Number(text)
}
