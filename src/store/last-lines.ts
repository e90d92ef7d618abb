import { GroupCommit } from './group-commit.ts'
import type { Database } from './orm.ts'

/** A line of a log, with its time: RFC 3339 in UTC with nine digits after the point. */
export interface KeptLine {
  readonly timestamp: string
  readonly text: string
}

/** What a replica wrote last that is gone. */
export interface LastLinesRecord {
  readonly containerId: string
  /** Of its function. */
  readonly uid: string
  /** Name of the container. */
  readonly instance: string
  /** Milliseconds since the epoch. */
  readonly removedAt: number
  /** Oldest first. */
  readonly lines: readonly KeptLine[]
}

/** The last lines of replicas that are gone. Bounded: so much of each function, so much of all, and a week. */
export interface LastLinesStore {
  /** Of the replicas of a function that are gone, the first to go first. */
  list: (uid: string) => Promise<LastLinesRecord[]>
  /** Undefined when nothing is kept of it. */
  get: (containerId: string) => Promise<LastLinesRecord | undefined>
  /**
   * Keeps them, but for those of a function that is not there. Older ones go where there is too much. Outlives the process; a loss of
   * power may undo it.
   */
  put: (record: LastLinesRecord) => Promise<void>
  /** Calls `listener` with what was put, before `put` resolves; gives a function that forgets it. */
  onPut: (listener: (record: LastLinesRecord) => void) => () => void
}

export interface LastLinesLimits {
  /** Bytes of text of one function; 128 KiB when left out. */
  readonly functionBytes?: number
  /** Bytes of text of all functions; 16 MiB when left out. */
  readonly totalBytes?: number
}

const FUNCTION_BYTES = 128 * 1024
const TOTAL_BYTES = 16 * 2 ** 20
const KEPT_MS = 7 * 24 * 3_600_000

interface Row {
  readonly container_id: string
  readonly function_uid: string
  readonly instance: string
  readonly removed_at: number
  readonly lines: string
}

const PUT = `INSERT INTO last_lines (container_id, function_uid, instance, removed_at, size, lines)
  SELECT ?, ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM functions WHERE uid = ?)
  ON CONFLICT (container_id) DO UPDATE SET instance = excluded.instance, removed_at = excluded.removed_at,
    size = excluded.size, lines = excluded.lines`
const EXPIRE = 'DELETE FROM last_lines WHERE removed_at < ?'
/** The newest one stays, whatever its size. */
const trim = (where: string) => `DELETE FROM last_lines WHERE container_id IN (SELECT container_id FROM (
  SELECT container_id, sum(size) OVER newest AS total, row_number() OVER newest AS place FROM last_lines ${where}
  WINDOW newest AS (ORDER BY removed_at DESC, container_id)) WHERE total > ? AND place > 1)`
const TRIM_FUNCTION = trim('WHERE function_uid = ?')
const TRIM_ALL = trim('')

/** Last lines in SQLite. See `LastLinesStore` for what each method promises. */
export class LastLines implements LastLinesStore {
  readonly #database: Database
  /** Replicas of a rollout go together. */
  readonly #commits: GroupCommit
  readonly #functionBytes: number
  readonly #totalBytes: number
  readonly #listeners = new Set<(record: LastLinesRecord) => void>()

  constructor({ database, functionBytes, totalBytes }: { readonly database: Database } & LastLinesLimits) {
    this.#database = database
    this.#commits = new GroupCommit(database)
    this.#functionBytes = functionBytes ?? FUNCTION_BYTES
    this.#totalBytes = totalBytes ?? TOTAL_BYTES
  }

  list(uid: string): Promise<LastLinesRecord[]> {
    return this.#read('function_uid = ? ORDER BY removed_at, container_id', uid)
  }

  async get(containerId: string): Promise<LastLinesRecord | undefined> {
    const [record] = await this.#read('container_id = ?', containerId)
    return record
  }

  async put(record: LastLinesRecord): Promise<void> {
    const { containerId, uid, instance, removedAt, lines } = record
    const text = JSON.stringify(lines)
    const size = Buffer.byteLength(text)
    const { changes } = await this.#commits.runUnflushed(native => {
      const put = native.prepare(PUT).run(containerId, uid, instance, removedAt, size, text, uid)
      native.prepare(EXPIRE).run(removedAt - KEPT_MS)
      native.prepare(TRIM_FUNCTION).run(uid, this.#functionBytes)
      native.prepare(TRIM_ALL).run(this.#totalBytes)
      return put
    }, size)
    if (changes > 0) for (const listener of this.#listeners) listener(record)
  }

  onPut(listener: (record: LastLinesRecord) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #read(where: string, value: string): Promise<LastLinesRecord[]> {
    return this.#database.read(async em => {
      const rows = await em.execute<Row[]>(`SELECT * FROM last_lines WHERE ${where}`, [value])
      return rows.map(toRecord)
    })
  }
}

function toRecord({ container_id: containerId, function_uid: uid, instance, removed_at, lines }: Row): LastLinesRecord {
  return { containerId, uid, instance, removedAt: removed_at, lines: JSON.parse(lines) as KeptLine[] }
}
