import type { AuditEntry, AuditOutcome } from '../../api/audit.ts'
import type { AuditRow } from './entities.ts'
import { sqlText } from './sql-text.ts'

/** Longer texts of strangers are cut. */
const MAX_TEXT = 256
const MAX_DETAIL = 2048

/** As it is read back: texts are cut, and what could drive a terminal is replaced. */
export function fromEntry(entry: AuditEntry): AuditRow {
  return {
    id: entry.id,
    at: entry.at,
    actorKind: text(entry.actorKind),
    actor: text(entry.actor),
    tokenId: entry.tokenId === undefined ? null : text(entry.tokenId),
    address: text(entry.address),
    userAgent: text(entry.userAgent),
    verb: text(entry.verb),
    kind: text(entry.kind),
    namespace: text(entry.namespace),
    name: text(entry.name),
    before: entry.before ?? null,
    after: entry.after ?? null,
    outcome: entry.outcome,
    status: entry.status,
    code: entry.code === undefined ? null : text(entry.code),
    requestId: text(entry.requestId),
    count: entry.count,
    detail: entry.detail === undefined ? null : text(entry.detail, MAX_DETAIL),
    mac: entry.mac
  }
}

export function toEntry(row: AuditRow): AuditEntry {
  const { tokenId, before, after, outcome, code, detail, ...rest } = row
  return {
    ...rest,
    outcome: outcome as AuditOutcome,
    ...(typeof tokenId === 'string' && { tokenId }),
    ...(typeof before === 'string' && { before }),
    ...(typeof after === 'string' && { after }),
    ...(typeof code === 'string' && { code }),
    ...(typeof detail === 'string' && { detail })
  }
}

function text(value: string, length = MAX_TEXT): string {
  return sqlText(value.toWellFormed().replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\uFFFD'))
    .slice(0, length)
    .toWellFormed()
}
