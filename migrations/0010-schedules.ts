import { Migration } from '@mikro-orm/migrations'
import { SCHEDULES } from './schema.ts'

/** Adds which ticks of schedules are done with. */
export class Schedules extends Migration {
  override async up(): Promise<void> {
    await this.execute(SCHEDULES)
    const kept = await this.execute("SELECT 1 FROM sqlite_master WHERE name = 'rollback_schedules'")
    if (kept.length === 0) return
    await this.execute(
      'INSERT INTO schedules SELECT * FROM rollback_schedules WHERE function_uid IN (SELECT uid FROM functions)'
    )
    await this.execute('DROP TABLE rollback_schedules')
  }

  /** Drops the table, and remembers what it held: a tick that was run must not be run again by the release that comes back. */
  override async down(): Promise<void> {
    await this.execute('CREATE TABLE rollback_schedules AS SELECT * FROM schedules')
    await this.execute('DROP TABLE schedules')
  }
}
