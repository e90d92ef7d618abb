import { stat } from 'node:fs/promises'
import { assemblePreview } from '../assembly/preview.ts'
import { loadConfig } from '../config/load.ts'
import { createLogger } from '../logging/logger.ts'
import { migrationStatus } from '../store/migrator.ts'
import { toJson } from './client/output.ts'
import { terminalSafeLines } from './client/terminal.ts'
import type { Environment } from './environment.ts'

type Plans = Awaited<ReturnType<Awaited<ReturnType<typeof assemblePreview>>['view']['previewAll']>>

/** Prints what the loop would do now, and changes nothing. Throws when the database is not one of this release. */
export async function printPlan({ env, stdout }: Environment, { json }: { json: boolean }): Promise<void> {
  const config = loadConfig(env)
  const migrations = await migrationStatus(config.STATE_DB_PATH)
  if (migrations.some(({ appliedAt }) => appliedAt === undefined)) {
    if ((await sizeOf(config.STATE_DB_PATH)) > 0) {
      throw new Error(`${config.STATE_DB_PATH} has an older schema: run "docker-faas migrate up" first`)
    }
    throw new Error(`there is no database at ${config.STATE_DB_PATH}: set STATE_DB_PATH, or start the gateway first`)
  }
  const stderr = createLogger({ level: 'warn', format: 'text', stream: process.stderr })
  await using preview = await assemblePreview(config, stderr)
  const plans = await preview.view.previewAll()
  stdout.write(json ? toJson(plans) : terminalSafeLines(describePlans(plans)))
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0
}

function describePlans({ functions, garbage }: Plans): string {
  const busy = functions.filter(({ steps }) => steps.length > 0)
  const lines = [
    ...busy.flatMap(({ key, steps }) => [key, ...steps.map(step => `  ${step}`)]),
    ...garbage.map(({ kind, name, verdict }) => `orphan ${kind} ${name}: ${verdict}`),
    `${functions.length} functions, ${busy.length} with something to do, ${garbage.length} orphans`
  ]
  return `${lines.join('\n')}\n`
}
