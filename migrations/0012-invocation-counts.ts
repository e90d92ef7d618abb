import { Migration } from '@mikro-orm/migrations'
import { INVOCATION_COUNTS } from './schema.ts'

/** Adds how often functions have been called. */
export class InvocationCounts extends Migration {
  override async up(): Promise<void> {
    await this.execute(INVOCATION_COUNTS)
    const kept = await this.execute("SELECT 1 FROM sqlite_master WHERE name = 'rollback_invocation_counts'")
    if (kept.length === 0) return
    await this.execute(
      'INSERT INTO invocation_counts SELECT * FROM rollback_invocation_counts WHERE function_uid IN (SELECT uid FROM functions)'
    )
    await this.execute('DROP TABLE rollback_invocation_counts')
  }

  /** Drops the table, and remembers what it held for the release that comes back. */
  override async down(): Promise<void> {
    await this.execute('CREATE TABLE rollback_invocation_counts AS SELECT * FROM invocation_counts')
    await this.execute('DROP TABLE invocation_counts')
  }
}
