import { Migration } from '@mikro-orm/migrations'
import { LEGACY_DEBUG } from './schema.ts'

/** Adds `debug`; a table that has the column already keeps it. */
export class DebugColumn extends Migration {
  override async up(): Promise<void> {
    const columns = await this.execute("SELECT name FROM pragma_table_info('functions') WHERE name = 'debug'")
    if (columns.length === 0) await this.execute(LEGACY_DEBUG)
    const kept = await this.execute("SELECT 1 FROM sqlite_master WHERE name = 'rollback_debug'")
    if (kept.length === 0) return
    await this.execute('UPDATE functions SET debug = 1 WHERE id IN (SELECT id FROM rollback_debug)')
    await this.execute('DROP TABLE rollback_debug')
  }

  /** Drops the column alone, so that primary key and UNIQUE stay, and remembers where it was set. */
  override async down(): Promise<void> {
    await this.execute('CREATE TABLE rollback_debug AS SELECT id FROM functions WHERE debug <> 0')
    await this.execute('ALTER TABLE functions DROP COLUMN debug')
  }
}
