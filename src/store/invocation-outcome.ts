import type { InvocationPhase } from '../../api/invocation.ts'
import { dropPayload, writePayload } from './invocation-rows.ts'
import type { InvocationRow, Settlement } from './invocation-store.ts'
import type { NativeClient } from './orm.ts'

interface Settling {
  readonly native: NativeClient
  readonly row: InvocationRow
  readonly now: number
}

/** Longer texts are cut. */
const MAX_ERROR = 200

/** Writes what became of an attempt into the row, whose lease ends; gives its phase. */
export function writeSettlement(settling: Settling, settlement: Settlement): InvocationPhase {
  release(settling)
  switch (settlement.kind) {
    case 'retry': {
      const { status, durationMs, dueAt } = settlement
      update(settling, { phase: 'queued', due_at: dueAt, status, duration_ms: durationMs })
      return 'queued'
    }
    case 'return':
      return giveBack(settling, settlement.dueAt)
    case 'end':
      return end(settling, settlement)
    case 'delivered':
      update(settling, { callback_state: 'delivered', callback_error: null })
      return finish(settling, settling.row.reason === null ? 'done' : 'dead')
    case 'undelivered':
      return undelivered(settling, settlement)
  }
}

function release({ native, row }: Settling): void {
  native.prepare('UPDATE invocations SET owner = NULL, lease_until = NULL WHERE seq = ?').run(row.seq)
}

function giveBack(settling: Settling, dueAt: number): InvocationPhase {
  const { row } = settling
  const isReporting = row.phase === 'reporting'
  update(settling, {
    phase: isReporting ? 'reporting' : 'queued',
    due_at: dueAt,
    ...(isReporting ? { callback_attempts: row.callback_attempts - 1 } : { attempts: row.attempts - 1 })
  })
  return isReporting ? 'reporting' : 'queued'
}

/** The function has had its say, or never will: the callback is due, if there is one. */
function end(
  settling: Settling,
  { reason, status, durationMs, result }: Settlement & { kind: 'end' }
): InvocationPhase {
  const { native, row, now } = settling
  update(settling, { reason: reason ?? null, status, duration_ms: durationMs })
  if (row.callback_url === null) return finish(settling, reason === undefined ? 'done' : 'dead')
  if (reason === undefined) dropPayload(native, row.seq, 'request')
  writePayload(native, row.seq, 'result', result)
  update(settling, { phase: 'reporting', due_at: now, callback_state: 'waiting' })
  return 'reporting'
}

function undelivered(settling: Settling, { error, dueAt }: Settlement & { kind: 'undelivered' }): InvocationPhase {
  const callback_error = error.slice(0, MAX_ERROR)
  if (dueAt !== undefined) {
    update(settling, { due_at: dueAt, callback_error })
    return 'reporting'
  }
  // The result stays with a call that went well: it can be delivered later.
  const reason = settling.row.reason ?? 'CallbackFailed'
  update(settling, { callback_state: 'failed', callback_error, reason })
  return finish(settling, 'dead')
}

/** Takes the call from whoever carries it out, and ends it; gives its phase. */
export function writeCancelled(settling: Settling): InvocationPhase {
  release(settling)
  return finish(settling, 'cancelled')
}

/** What was sent is kept with a dead letter alone, so that it can be sent again. */
function finish(settling: Settling, phase: 'done' | 'dead' | 'cancelled'): InvocationPhase {
  const { native, row, now } = settling
  update(settling, { phase, finished_at: now })
  if (phase !== 'dead') native.prepare('DELETE FROM invocation_payloads WHERE seq = ?').run(row.seq)
  else if (row.reason !== null) dropPayload(native, row.seq, 'result')
  return phase
}

/** NOTE: names of columns come from this file alone. */
function update({ native, row }: Settling, columns: Readonly<Record<string, string | number | null>>): void {
  const names = Object.keys(columns)
  native
    .prepare(`UPDATE invocations SET ${names.map(name => `${name} = ?`).join(', ')} WHERE seq = ?`)
    .run(...Object.values(columns), row.seq)
}
