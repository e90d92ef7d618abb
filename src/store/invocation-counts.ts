import type { Database } from './orm.ts'

/** How often functions have been called. One writer: the gateway that serves them. */
export interface InvocationCountStore {
  /** By uid; functions that were never called are left out. */
  list: () => Promise<ReadonlyMap<string, number>>
  /** Writes all of them in one transaction, but for functions that are not there any more. Outlives the process; a loss of power may undo it. */
  put: (counts: ReadonlyMap<string, number>) => Promise<void>
}

const PUT = `INSERT INTO invocation_counts (function_uid, count)
  SELECT ?, ? WHERE EXISTS (SELECT 1 FROM functions WHERE uid = ?)
  ON CONFLICT (function_uid) DO UPDATE SET count = excluded.count`

/** Counts in SQLite. See `InvocationCountStore` for what each method promises. */
export class InvocationCounts implements InvocationCountStore {
  readonly #database: Database
  constructor({ database }: { readonly database: Database }) {
    this.#database = database
  }

  list(): Promise<ReadonlyMap<string, number>> {
    return this.#database.read(async em => {
      const rows = await em.execute<{ function_uid: string; count: number }[]>('SELECT * FROM invocation_counts')
      return new Map(rows.map(row => [row.function_uid, row.count]))
    })
  }

  async put(counts: ReadonlyMap<string, number>): Promise<void> {
    const { native } = this.#database
    await this.#database.write(
      async () => {
        const statement = native.prepare(PUT)
        for (const [uid, count] of counts) statement.run(uid, count, uid)
      },
      { isUnflushed: true }
    )
  }
}
