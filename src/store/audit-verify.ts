import { resolve } from 'node:path'
import type { EntityManager } from '@mikro-orm/sqlite'
import { AUDIT_START, AuditCheck, type AuditDraft, type AuditEntry, type AuditMark, isSealed } from '../../api/audit.ts'
import type { Clock } from '../clock.ts'
import { AUDIT_BREAK } from './audit-break.ts'
import { AuditLog, entriesAfter, findEntries, findMark } from './audit-log.ts'
import type { AuditFilter } from './audit-store.ts'
import { withDatabase } from './inspect.ts'

/** A row as it was seen. */
export type Place = Pick<AuditMark, 'id' | 'mac'>

export interface AuditVerdict {
  readonly rows: number
  /** The newest row; absent when there was never one. */
  readonly head?: Place
  /** Nothing when the log is whole. */
  readonly problems: readonly string[]
  /** Rows in which the gateway itself noted that the log had been cut off, or was restored from a backup. */
  readonly breaks: readonly AuditEntry[]
}

/**
 * Reads the whole log in the file, which a gateway may be writing, and holds it against its chain, its marks and `known`:
 * places that it is known to have had. Changes nothing.
 */
export async function verifyAudit(path: string, key: Uint8Array, known: readonly Place[]): Promise<AuditVerdict> {
  return await withDatabase(resolve(path), 'readonly', database =>
    // One transaction: what is written meanwhile is not seen in part.
    database.snapshot(em => verify(em, key, known))
  )
}

async function verify(em: EntityManager, key: Uint8Array, known: readonly Place[]): Promise<AuditVerdict> {
  const anchor = (await findMark(em, 'anchor')) ?? AUDIT_START
  const head = await findMark(em, 'head')
  const check = new AuditCheck(key, anchor, [...(head === undefined ? [] : [head]), ...known])
  if (head !== undefined && !isSealed(key, 'head', head)) check.problems.push('the end of the log is forged')
  const breaks: AuditEntry[] = []
  let last = 0
  for await (const entry of entriesAfter(em, 0)) {
    check.add(entry)
    last = entry.id
    if (entry.verb === AUDIT_BREAK) breaks.push(entry)
  }
  if (last > (head?.id ?? 0)) check.problems.push(`rows after ${head?.id ?? 0} were inserted`)
  const newest = head === undefined ? {} : { head: { id: head.id, mac: head.mac } }
  return { rows: check.rows, ...newest, problems: check.end(), breaks }
}

/** Rows of the log in the file, the newest first. Changes nothing. */
export async function listAudit(path: string, filter: AuditFilter): Promise<AuditEntry[]> {
  return await withDatabase(resolve(path), 'readonly', database => database.read(em => findEntries(em, filter)))
}

/** Appends a row to the log in the file, for a command that changed the database itself. */
export async function appendAudit(path: string, { key, clock }: { key: Uint8Array; clock: Clock }, draft: AuditDraft) {
  const onListenerError = () => undefined
  return await withDatabase(resolve(path), 'write', async database =>
    new AuditLog({ database, clock, key, onListenerError }).append(draft)
  )
}
