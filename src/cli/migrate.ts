import { loadConfig } from '../config/config.ts'
import { type MigrationRun, migrateDown, migrateUp, migrationStatus } from '../store/migrator.ts'
import type { Environment } from './environment.ts'

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
  stdout.write(describeRun('applied', await migrateUp(loadConfig(env).STATE_DB_PATH)))
}

/** Brings the database back to an older schema. */
export async function runMigrateDown({ env, stdout }: Environment, to: number): Promise<void> {
  const { STATE_DB_PATH: path, FUNCTIONS_NETWORK: functionsNetwork } = loadConfig(env)
  stdout.write(describeRun('reverted', await migrateDown(path, to, { functionsNetwork })))
}

function describeRun(verb: string, { path, from, to, migrations, backup }: MigrationRun): string {
  if (migrations.length === 0) return `${path} is at version ${from}: nothing to do\n`
  const lines = migrations.map(({ version, description }) => `${verb} ${version}: ${description}`)
  if (backup !== undefined) lines.unshift(`backed up to ${backup}`)
  return `${[...lines, `${path} is at version ${to}`].join('\n')}\n`
}
