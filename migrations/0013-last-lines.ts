import { Migration } from '@mikro-orm/migrations'
import { LAST_LINES } from './schema.ts'

/** Adds what replicas that are gone wrote last. */
export class LastLines extends Migration {
  override async up(): Promise<void> {
    for (const sql of LAST_LINES) await this.execute(sql)
  }

  /** Drops the table: nothing depends on what it held. */
  override async down(): Promise<void> {
    await this.execute('DROP TABLE last_lines')
  }
}
