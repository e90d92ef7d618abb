import type { ScheduleRecord, Span } from '../../api/schedule-record.ts'
import { GroupCommit } from './group-commit.ts'
import type { Database } from './orm.ts'
import type { ScheduleStore } from './schedule-store.ts'

interface ScheduleRow {
  readonly function_uid: string
  readonly schedule: string
  readonly timezone: string
  readonly done: string
  readonly seen_until: number
  readonly suspended: number
  readonly claim: number | null
  readonly last_tick: number | null
  readonly last_at: number | null
  readonly last_call: string | null
  readonly runs: number
  readonly skipped: number
  readonly missed: number
}

const PUT = `INSERT INTO schedules (function_uid, schedule, timezone, done, seen_until, suspended, claim, last_tick, last_at,
    last_call, runs, skipped, missed)
  SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM functions WHERE uid = ?)
  ON CONFLICT (function_uid, schedule, timezone) DO UPDATE SET done = excluded.done, seen_until = excluded.seen_until,
    suspended = excluded.suspended, claim = excluded.claim, last_tick = excluded.last_tick, last_at = excluded.last_at,
    last_call = excluded.last_call, runs = excluded.runs, skipped = excluded.skipped, missed = excluded.missed`

/** Schedules in SQLite. See `ScheduleStore` for what each method promises. */
export class Schedules implements ScheduleStore {
  readonly #database: Database
  /** Functions that share a tick are written together. */
  readonly #commits: GroupCommit
  constructor({ database }: { readonly database: Database }) {
    this.#database = database
    this.#commits = new GroupCommit(database)
  }

  list(uid?: string): Promise<ScheduleRecord[]> {
    const where = uid === undefined ? '' : 'WHERE function_uid = ?'
    const sql = `SELECT * FROM schedules ${where} ORDER BY function_uid, schedule, timezone`
    return this.#database.read(async em => {
      const rows = await em.execute<ScheduleRow[]>(sql, uid === undefined ? [] : [uid])
      return rows.map(toRecord)
    })
  }

  async put(record: ScheduleRecord): Promise<void> {
    const { uid, schedule, timezone, done, seenUntil, isSuspended, claim, last, runs, skipped, missed } = record
    const values = [
      ...[uid, schedule, timezone, JSON.stringify(done), seenUntil, isSuspended ? 1 : 0, claim ?? null],
      ...[last?.tick ?? null, last?.at ?? null, last?.call ?? null, runs, skipped, missed, uid]
    ]
    await this.#commits.run(native => native.prepare(PUT).run(...values))
  }

  async remove({ uid, schedule, timezone }: Parameters<ScheduleStore['remove']>[0]): Promise<void> {
    const sql = 'DELETE FROM schedules WHERE function_uid = ? AND schedule = ? AND timezone = ?'
    await this.#database.write(em => em.execute(sql, [uid, schedule, timezone]))
  }
}

function toRecord(row: ScheduleRow): ScheduleRecord {
  const { schedule, timezone, claim, last_tick: tick, last_at: at, last_call: call, runs, skipped, missed } = row
  return {
    ...{ uid: row.function_uid, schedule, timezone, runs, skipped, missed },
    done: JSON.parse(row.done) as Span[],
    seenUntil: row.seen_until,
    isSuspended: row.suspended === 1,
    ...(claim === null ? {} : { claim }),
    ...(tick === null || at === null || call === null ? {} : { last: { tick, at, call } })
  }
}
