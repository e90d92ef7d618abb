import type { CallbackView, InvocationView } from '../../api/invocation.ts'
import type { Namespaces } from '../../api/scope.ts'
import { toTimestamp } from '../clock.ts'
import type { ClaimedInvocation, InvocationFilter, InvocationPayload, InvocationRow } from './invocation-store.ts'
import type { NativeClient } from './orm.ts'

export interface Where {
  readonly sql: string
  readonly values: readonly unknown[]
}

/** The condition of rows that fit, and what is bound in it. */
export function whereOf(filter: InvocationFilter & { readonly id?: string }): Where {
  const { namespaces = 'all', name, phase, callId, id } = filter
  const equal = Object.entries({ name, phase, call_id: callId, id }).filter(([, value]) => value !== undefined)
  const within = withinOf(namespaces)
  return {
    sql: [within.sql, ...equal.map(([column]) => `${column} = ?`)].join(' AND '),
    values: [...within.values, ...equal.map(([, value]) => value)]
  }
}

function withinOf(namespaces: Namespaces): Where {
  if (namespaces === 'all') return { sql: 'TRUE', values: [] }
  const values = [...namespaces]
  return values.length === 0
    ? { sql: 'FALSE', values }
    : { sql: `namespace IN (${values.map(() => '?').join(', ')})`, values }
}

export function toView(row: InvocationRow): InvocationView {
  const { id, namespace, name, method, phase, attempts } = row
  const callback = callbackOf(row)
  return {
    ...{ id, callId: row.call_id, namespace, name, method, path: row.path.split('?')[0] ?? '/', phase, attempts },
    ...(row.reason !== null && phase === 'dead' && { reason: row.reason }),
    bodyBytes: row.body_bytes,
    acceptedAt: toTimestamp(row.accepted_at),
    ...((phase === 'queued' || phase === 'reporting') && { dueAt: toTimestamp(row.due_at) }),
    ...(row.finished_at !== null && { finishedAt: toTimestamp(row.finished_at) }),
    ...(row.status !== null && { status: row.status }),
    ...(row.duration_ms !== null && { durationSeconds: row.duration_ms / 1000 }),
    ...(callback !== undefined && { callback })
  }
}

function callbackOf(row: InvocationRow): CallbackView | undefined {
  if (row.callback_url === null) return undefined
  return {
    origin: new URL(row.callback_url).origin,
    state: row.callback_state ?? 'waiting',
    attempts: row.callback_attempts,
    ...(row.callback_error !== null && { error: row.callback_error })
  }
}

export function toClaimed(row: InvocationRow, payload: InvocationPayload, stored: number): ClaimedInvocation {
  const { seq, id, namespace, name, method, path, attempts } = row
  return {
    ...{ seq, id, callId: row.call_id, namespace, name, method, path, attempts, payload },
    remoteAddress: row.remote_address ?? undefined,
    acceptedAt: row.accepted_at,
    callbackUrl: row.callback_url ?? undefined,
    callbackAttempts: row.callback_attempts,
    status: row.status ?? undefined,
    durationMs: row.duration_ms ?? undefined,
    bodyBytes: row.body_bytes,
    storedBytes: stored
  }
}

export type PayloadKind = 'request' | 'result'

export function readPayload(native: NativeClient, seq: number, kind: PayloadKind): InvocationPayload {
  const row = native.prepare('SELECT head, body FROM invocation_payloads WHERE seq = ? AND kind = ?').get(seq, kind) as
    | { readonly head: string; readonly body: Uint8Array }
    | undefined
  return row === undefined ? { head: [], body: new Uint8Array() } : { head: JSON.parse(row.head), body: row.body }
}

export function writePayload(native: NativeClient, seq: number, kind: PayloadKind, payload: InvocationPayload): void {
  native
    .prepare('INSERT OR REPLACE INTO invocation_payloads (seq, kind, head, body) VALUES (?, ?, ?, ?)')
    .run(seq, kind, JSON.stringify(payload.head), payload.body)
}

/** What a payload takes in the database. */
export function payloadBytes({ head, body }: InvocationPayload): number {
  return Buffer.byteLength(JSON.stringify(head)) + body.byteLength
}

/** What all payloads of a row take, without reading them. */
export const STORED_BYTES =
  '(SELECT COALESCE(SUM(octet_length(head) + octet_length(body)), 0) FROM invocation_payloads WHERE seq = i.seq)'

export function storedBytes(native: NativeClient, seq: number): number {
  const sql = `SELECT ${STORED_BYTES} AS bytes FROM invocations i WHERE seq = ?`
  return (native.prepare(sql).get(seq) as { readonly bytes: number } | undefined)?.bytes ?? 0
}

export function dropPayload(native: NativeClient, seq: number, kind: PayloadKind): void {
  native.prepare('DELETE FROM invocation_payloads WHERE seq = ? AND kind = ?').run(seq, kind)
}
