import { stat } from 'node:fs/promises'
import type { AuditEntry } from '../../api/audit.ts'
import { auditHeadPath, readAuditHead } from '../assembly/audit-head.ts'
import { readAuditKey } from '../assembly/instance-key.ts'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import type { AuditFilter } from '../store/audit-store.ts'
import { listAudit, type Place, verifyAudit } from '../store/audit-verify.ts'
import { migrationStatus } from '../store/migrator.ts'
import type { Environment } from './environment.ts'

export interface AuditListOptions extends AuditFilter {
  readonly json: boolean
}

const MAX_PROBLEMS = 20

/** Prints whether the audit log is whole. Throws, and so ends with code 1, when it is not. */
export async function verifyAuditLog({ env, stdout }: Environment, { head }: { head?: string }): Promise<void> {
  const config = loadConfig(env)
  await requireLog(config)
  const key = await readAuditKey(config, { create: false })
  const given = head === undefined ? [] : [parsePlace(head)]
  // Read first: a gateway that runs may write rows meanwhile, and then tells the file of them.
  const noted = await readAuditHead(auditHeadPath(config), key)
  const known = [...given, ...(noted === undefined ? [] : [noted])]
  const { rows, head: newest, problems, breaks } = await verifyAudit(config.STATE_DB_PATH, key, known)
  for (const { id, at, detail } of breaks) stdout.write(`row ${id}, ${at}: ${detail}\n`)
  if (problems.length > 0) {
    const more = problems.length > MAX_PROBLEMS ? `\n  and ${problems.length - MAX_PROBLEMS} more` : ''
    const list = problems.slice(0, MAX_PROBLEMS).map(problem => `\n  ${problem}`)
    throw new Error(`the audit log was tampered with, or the instance-key is another:${list.join('')}${more}`)
  }
  if (noted === undefined && rows > 0) {
    stdout.write(`there is no ${auditHeadPath(config)}: rows that are missing at the end do not show\n`)
  }
  stdout.write(`${rows} rows, whole${newest === undefined ? '' : `; the newest is ${newest.id}:${newest.mac}`}\n`)
}

/** Prints rows of the audit log. */
export async function listAuditLog({ env, stdout }: Environment, options: AuditListOptions): Promise<void> {
  const { json, since, until, ...filter } = options
  const config = loadConfig(env)
  await requireLog(config)
  const times = { ...(since && { since: toTime('--since', since) }), ...(until && { until: toTime('--until', until) }) }
  for (const entry of await listAudit(config.STATE_DB_PATH, { ...filter, ...times })) {
    stdout.write(`${json ? JSON.stringify(entry) : describe(entry)}\n`)
  }
}

async function requireLog({ STATE_DB_PATH: path }: Config): Promise<void> {
  const isThere = await stat(path).catch(() => undefined)
  if (isThere === undefined) {
    throw new Error(`there is no database at ${path}: set STATE_DB_PATH, or start the gateway first`)
  }
  if ((await migrationStatus(path)).some(({ appliedAt }) => appliedAt === undefined)) {
    throw new Error(`${path} has an older schema: run "docker-faas migrate up" first`)
  }
}

function parsePlace(text: string): Place {
  const [, id, mac = ''] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? []
  if (id === undefined) throw new Error('--head must be the number of a row, a colon and 64 hex digits')
  return { id: Number(id), mac }
}

function toTime(option: string, text: string): string {
  const ms = Date.parse(text)
  if (Number.isNaN(ms)) throw new Error(`${option} must be a time such as 2026-01-31T10:00:00Z`)
  return new Date(ms).toISOString()
}

function describe(entry: AuditEntry): string {
  const { id, at, actorKind, actor, address, verb, kind, namespace, name, outcome, status, code, count, detail } = entry
  const who = [actorKind, actor, address === '' ? '' : `from ${address}`].filter(text => text !== '').join(' ')
  const what = [kind, [namespace, name].filter(text => text !== '').join('/')].filter(text => text !== '').join(' ')
  const result = [outcome, status === 0 ? '' : status, code ?? ''].filter(text => text !== '').join(' ')
  const times = count > 1 ? ` (${count} times)` : ''
  return `${id} ${at} ${who}: ${verb}: ${what}: ${result}${times}${detail === undefined ? '' : `: ${detail}`}`
}
