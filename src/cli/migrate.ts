import { randomUUID } from 'node:crypto'
import { userInfo } from 'node:os'
import { readAuditKey } from '../assembly/instance-key.ts'
import { systemClock } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { appendAudit } from '../store/audit-verify.ts'
import { type MigrationRun, migrateDown, migrateUp, migrationStatus } from '../store/migrator.ts'
import type { Environment } from './environment.ts'

/** The schema version with which the audit log came. */
const AUDIT_VERSION = 6

/** Prints every migration and when it was applied. */
export async function printMigrationStatus({ env, stdout }: Environment): Promise<void> {
  const path = loadConfig(env).STATE_DB_PATH
  stdout.write(`${path}\n`)
  for (const { version, description, appliedAt } of await migrationStatus(path)) {
    stdout.write(`${version}|${description}|${appliedAt ?? 'pending'}\n`)
  }
}

/** Brings the database to this release's schema. */
export async function runMigrateUp({ env, stdout }: Environment): Promise<void> {
  const config = loadConfig(env)
  const run = await migrateUp(config.STATE_DB_PATH)
  await audit(config, 'migrate up', run)
  stdout.write(describeRun('applied', run))
}

/** Brings the database back to an older schema. */
export async function runMigrateDown({ env, stdout }: Environment, to: number): Promise<void> {
  const config = loadConfig(env)
  const run = await migrateDown(config.STATE_DB_PATH, to, { functionsNetwork: config.FUNCTIONS_NETWORK })
  await audit(config, 'migrate down', run)
  stdout.write(describeRun('reverted', run))
}

/** Writes the row of the audit log for what a command did, unless that did nothing or left no such log. */
async function audit(config: Config, verb: string, { from, to, migrations }: MigrationRun): Promise<void> {
  if (migrations.length === 0 || to < AUDIT_VERSION) return
  const key = await readAuditKey(config)
  await appendAudit(
    config.STATE_DB_PATH,
    { key, clock: systemClock },
    {
      ...{ actorKind: 'cli', actor: userInfo().username, address: '', userAgent: '', requestId: randomUUID() },
      ...{ verb, kind: 'database', namespace: '', name: '', outcome: 'done', status: 0, count: 1 },
      detail: `schema version ${from} to ${to}`
    }
  )
}

function describeRun(verb: string, { path, from, to, migrations, backup }: MigrationRun): string {
  if (migrations.length === 0) return `${path} is at version ${from}: nothing to do\n`
  const lines = migrations.map(({ version, description }) => `${verb} ${version}: ${description}`)
  if (backup !== undefined) lines.unshift(`backed up to ${backup}`)
  return `${[...lines, `${path} is at version ${to}`].join('\n')}\n`
}
