import type { AcceptedInvocation, InvocationPhase, InvocationView } from '../../api/invocation.ts'
import type { Namespaces } from '../../api/scope.ts'
import { keyIdOfLogin, openLogin, SEALED_LIKE, sealLogin } from './callback-login.ts'
import { GroupCommit } from './group-commit.ts'
import { writeCancelled, writeSettlement } from './invocation-outcome.ts'
import { readPayload, STORED_BYTES, storedBytes, toClaimed, toView, whereOf, writePayload } from './invocation-rows.ts'
import type {
  ClaimOptions,
  Claims,
  DeadFilter,
  InvocationCount,
  InvocationFilter,
  InvocationPage,
  InvocationRow,
  InvocationStore,
  Retention,
  Settlement,
  TrimmedDead
} from './invocation-store.ts'
import { MAX_AT_ONCE, type MovedInvocation } from './invocation-store.ts'
import type { Database, NativeClient } from './orm.ts'
import { NO_CIPHER, type SecretCipher } from './secret-store.ts'
import { sqlText } from './sql-text.ts'

const INSERT = `INSERT INTO invocations
  (id, call_id, dedupe_key, namespace, name, method, path, remote_address, body_bytes, phase, accepted_at, due_at, callback_url, callback_state)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'queued', ?, ?, ?, ?)`

const CLAIM = {
  queued: `UPDATE invocations SET phase = 'running', attempts = attempts + 1, owner = ?, lease_until = ?
  WHERE seq IN (SELECT seq FROM invocations WHERE namespace = ? AND name = ? AND phase = 'queued' AND (due_at <= ? OR due_at > ?)
    ORDER BY due_at, seq LIMIT ?) RETURNING *`,
  reporting: `UPDATE invocations SET callback_attempts = callback_attempts + 1, owner = ?, lease_until = ?
  WHERE seq IN (SELECT seq FROM invocations WHERE namespace = ? AND name = ? AND phase = 'reporting' AND (due_at <= ? OR due_at > ?)
    AND owner IS NULL ORDER BY due_at, seq LIMIT ?) RETURNING *`
} as const

const NEVER = Number.MAX_SAFE_INTEGER

const NEXT_DUE = `SELECT due_at AS due FROM invocations WHERE namespace = ? AND name = ? AND phase = ? AND owner IS NULL
  ORDER BY due_at LIMIT 1`

const TAKE_BACK = `UPDATE invocations SET owner = NULL, lease_until = NULL, due_at = ?,
  phase = CASE phase WHEN 'running' THEN 'queued' ELSE phase END
  WHERE seq IN (SELECT seq FROM invocations WHERE lease_until IS NOT NULL AND (lease_until < ? OR (? AND owner <> ?)) LIMIT ?)
  RETURNING *`

const DEAD_BYTES = `SELECT COALESCE(SUM(${STORED_BYTES}), 0) AS bytes FROM invocations i WHERE phase = 'dead'`

const TRIM_DEAD = `DELETE FROM invocations WHERE seq IN (SELECT seq FROM (
  SELECT seq, dedupe_key, finished_at, SUM(${STORED_BYTES}) OVER (ORDER BY finished_at DESC, seq DESC) AS total
  FROM invocations i WHERE phase = 'dead')
  WHERE total > ? AND dedupe_key IS NULL ORDER BY finished_at, seq LIMIT ?) RETURNING namespace, name`

const REQUEUE = `UPDATE invocations SET due_at = ?, finished_at = NULL, callback_attempts = 0, callback_error = NULL,
  callback_state = CASE WHEN callback_url IS NULL THEN NULL ELSE 'waiting' END,
  phase = CASE reason WHEN 'CallbackFailed' THEN 'reporting' ELSE 'queued' END,
  attempts = CASE reason WHEN 'CallbackFailed' THEN attempts ELSE 0 END, reason = NULL`

const GONE: Settlement = {
  kind: 'end',
  reason: 'FunctionDeleted',
  status: 404,
  durationMs: 0,
  result: { head: ['Content-Type', 'text/plain; charset=utf-8'], body: Buffer.from('the function was deleted\n') }
}

/** Asynchronous calls in SQLite. See `InvocationStore` for what each method promises. */
export class Invocations implements InvocationStore {
  readonly #database: Database
  readonly #commits: GroupCommit
  readonly #cipher: SecretCipher
  constructor({ database, cipher = NO_CIPHER }: { readonly database: Database; readonly cipher?: SecretCipher }) {
    this.#database = database
    this.#cipher = cipher
    this.#commits = new GroupCommit(database)
  }

  async accept(draft: Parameters<InvocationStore['accept']>[0]): Promise<AcceptedInvocation> {
    const { id, now, dedupeKey, body, headers, callId = id, path, namespace, name, method } = draft
    const callbackUrl = draft.callbackUrl && sealLogin(draft.callbackUrl, draft, this.#cipher)
    const bytes = body.byteLength
    return await this.#commits.run(native => {
      const earlier = dedupeKey === undefined ? undefined : findEarlier(native, dedupeKey)
      if (earlier !== undefined) return earlier
      const values = [namespace, name, method, path, draft.remoteAddress ?? null, bytes, now, now]
      const callback = [callbackUrl ?? null, callbackUrl === undefined ? null : 'waiting']
      const { lastInsertRowid } = native.prepare(INSERT).run(id, callId, dedupeKey ?? null, ...values, ...callback)
      writePayload(native, Number(lastInsertRowid), 'request', { head: headers, body })
      return { id, callId, acceptedAt: now, isNew: true }
    }, bytes)
  }

  claim({ namespace, name, phase, limit, owner, now, farthest = NEVER, leaseUntil }: ClaimOptions): Promise<Claims> {
    return this.#commits.runUnflushed(native => {
      const rows = native
        .prepare(CLAIM[phase])
        .all(owner, leaseUntil, namespace, name, now, farthest, limit) as InvocationRow[]
      const kind = phase === 'queued' ? 'request' : 'result'
      const claimed = rows.sort((a, b) => a.due_at - b.due_at || a.seq - b.seq)
      const next = native.prepare(NEXT_DUE).get(namespace, name, phase) as { readonly due: number } | undefined
      return {
        claimed: claimed.map(row => toClaimed(row, readPayload(native, row.seq, kind), storedBytes(native, row.seq))),
        ...(next !== undefined && { nextDueAt: next.due > farthest ? now : next.due })
      }
    })
  }

  async callbackUrl(call: Parameters<InvocationStore['callbackUrl']>[0]): Promise<string> {
    return await openLogin(call.callbackUrl ?? '', call, this.#cipher)
  }

  async usedKeyIds(): Promise<ReadonlySet<string>> {
    const rows = await this.#select('WHERE callback_url LIKE ?', [SEALED_LIKE])
    const ids = rows.map(row => keyIdOfLogin(row.callback_url ?? ''))
    return new Set(ids.filter(id => id !== undefined))
  }

  settle(seq: number, owner: string, settlement: Settlement, now: number): Promise<InvocationPhase | undefined> {
    const bytes = settlement.kind === 'end' ? settlement.result.body.byteLength : 0
    return this.#commits.runUnflushed(native => {
      const sql = 'SELECT * FROM invocations WHERE seq = ? AND owner = ?'
      const row = native.prepare(sql).get(seq, owner) as InvocationRow | undefined
      return row && writeSettlement({ native, row, now }, settlement)
    }, bytes)
  }

  async renew(seqs: readonly number[], owner: string, leaseUntil: number): Promise<void> {
    await this.#commits.runUnflushed(native => {
      const statement = native.prepare('UPDATE invocations SET lease_until = ? WHERE seq = ? AND owner = ?')
      for (const seq of seqs) statement.run(leaseUntil, seq, owner)
    })
  }

  takeBack({ owner, now, all }: { owner: string; now: number; all: boolean }): Promise<MovedInvocation[]> {
    return this.#commits.runUnflushed(native => {
      const rows = native.prepare(TAKE_BACK).all(now, now, all ? 1 : 0, owner, MAX_AT_ONCE) as InvocationRow[]
      return rows.map(row => moving(native, row, () => ({ from: 'running', to: row.phase })))
    })
  }

  bury(namespace: string, name: string, now: number): Promise<MovedInvocation[]> {
    return this.#commits.runUnflushed(native => {
      const sql = "SELECT * FROM invocations WHERE namespace = ? AND name = ? AND phase = 'queued' LIMIT ?"
      const rows = native.prepare(sql).all(namespace, name, MAX_AT_ONCE) as InvocationRow[]
      return rows.map(row =>
        moving(native, row, () => ({ from: row.phase, to: writeSettlement({ native, row, now }, GONE) }))
      )
    })
  }

  cancel(callId: string, namespaces: Namespaces, now: number): Promise<MovedInvocation[]> {
    const where = whereOf({ namespaces, callId })
    return this.#commits.runUnflushed(native => {
      const sql = `SELECT * FROM invocations WHERE ${where.sql} AND phase IN ('queued', 'running') LIMIT ?`
      const rows = native.prepare(sql).all(...where.values, MAX_AT_ONCE) as InvocationRow[]
      return rows.map(row => moving(native, row, () => ({ from: row.phase, to: writeCancelled({ native, row, now }) })))
    })
  }

  requeue(filter: DeadFilter, now: number, after = 0): Promise<MovedInvocation[]> {
    const where = whereOf({ ...filter, phase: 'dead' })
    return this.#commits.runUnflushed(native => {
      const some = `SELECT seq FROM invocations WHERE ${where.sql} AND seq > ? ORDER BY seq LIMIT ?`
      const sql = `${REQUEUE} WHERE seq IN (${some}) RETURNING *`
      const rows = native.prepare(sql).all(now, ...where.values, after, MAX_AT_ONCE) as InvocationRow[]
      return rows.map(row => moving(native, row, () => ({ from: 'dead', to: row.phase })))
    })
  }

  flushed(): Promise<void> {
    return this.#database.flush()
  }

  purge(filter: DeadFilter): Promise<number> {
    const where = whereOf({ ...filter, phase: 'dead' })
    return this.#commits.run(native => {
      const sql = `DELETE FROM invocations WHERE seq IN (SELECT seq FROM invocations WHERE ${where.sql} LIMIT ?)`
      return native.prepare(sql).run(...where.values, MAX_AT_ONCE).changes
    })
  }

  prune({ endedBefore, deadBefore, max }: Retention): Promise<number> {
    return this.#commits.run(native => {
      const surplus = (phases: string, before: number) =>
        native
          .prepare(
            `DELETE FROM invocations WHERE seq IN (SELECT seq FROM invocations WHERE phase IN (${phases}) AND (finished_at < ?
              OR (dedupe_key IS NULL AND seq IN (SELECT seq FROM invocations WHERE phase IN (${phases})
                ORDER BY finished_at DESC LIMIT -1 OFFSET ?))) LIMIT ?)`
          )
          .run(before, max, MAX_AT_ONCE).changes
      return surplus("'done', 'cancelled'", endedBefore) + surplus("'dead'", deadBefore)
    })
  }

  trimDead(maxBytes: number): Promise<TrimmedDead> {
    return this.#commits.run(native => {
      const dropped = native.prepare(TRIM_DEAD).all(maxBytes, MAX_AT_ONCE) as TrimmedDead['dropped']
      const left = native.prepare(DEAD_BYTES).get() as { readonly bytes: number }
      return { dropped, bytes: left.bytes }
    })
  }

  get(id: string): Promise<InvocationView | undefined> {
    return this.#select('WHERE id = ?', [sqlText(id)]).then(([row]) => row && toView(row))
  }

  async list(filter: InvocationFilter, page: { limit: number; before?: number }): Promise<InvocationPage> {
    const { sql, values } = whereOf(filter)
    const before = page.before ?? Number.MAX_SAFE_INTEGER
    const rows = await this.#select(`WHERE ${sql} AND seq < ? ORDER BY seq DESC LIMIT ?`, [
      ...values.map(value => (typeof value === 'string' ? sqlText(value) : value)),
      before,
      page.limit + 1
    ])
    const items = rows.slice(0, page.limit)
    const last = items.at(-1)?.seq
    return { items: items.map(toView), ...(rows.length > items.length && last !== undefined && { next: last }) }
  }

  counts(): Promise<InvocationCount[]> {
    const sql = `SELECT namespace, name, phase, COUNT(*) AS count, SUM(${STORED_BYTES}) AS bytes FROM invocations i
      GROUP BY namespace, name, phase`
    return this.#database.read(em => em.execute<InvocationCount[]>(sql))
  }

  async oldest(namespace: string, name: string): Promise<number | undefined> {
    const sql = `SELECT MIN(accepted_at) AS at FROM invocations WHERE namespace = ? AND name = ? AND phase = 'queued'`
    const rows = await this.#database.read(em => em.execute<{ at: number | null }[]>(sql, [namespace, name]))
    return rows[0]?.at ?? undefined
  }

  #select(rest: string, values: readonly unknown[]): Promise<InvocationRow[]> {
    return this.#database.read(em => em.execute<InvocationRow[]>(`SELECT * FROM invocations ${rest}`, [...values]))
  }
}

/** Moves the row, and says what became of it. */
function moving(
  native: NativeClient,
  { seq, id, namespace, name }: InvocationRow,
  move: () => Pick<MovedInvocation, 'from' | 'to'>
): MovedInvocation {
  const bytes = storedBytes(native, seq)
  return { seq, id, namespace, name, ...move(), bytes, bytesAfter: storedBytes(native, seq) }
}

function findEarlier(native: NativeClient, dedupeKey: string): AcceptedInvocation | undefined {
  const sql = 'SELECT id, call_id, accepted_at FROM invocations WHERE dedupe_key = ?'
  const row = native.prepare(sql).get(dedupeKey) as Pick<InvocationRow, 'id' | 'call_id' | 'accepted_at'> | undefined
  return row && { id: row.id, callId: row.call_id, acceptedAt: row.accepted_at, isNew: false }
}
