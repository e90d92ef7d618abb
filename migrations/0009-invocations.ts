import { Migration } from '@mikro-orm/migrations'
import { INVOCATION_TABLES } from './schema.ts'

/** Adds the asynchronous calls, with what they carry in a table of its own. */
export class Invocations extends Migration {
  override async up(): Promise<void> {
    for (const sql of INVOCATION_TABLES) await this.execute(sql)
  }

  /** Forgets them, also those that still wait: no older release carries them out. The backup that is taken before has them. */
  override async down(): Promise<void> {
    await this.execute('DROP TABLE invocation_payloads')
    await this.execute('DROP TABLE invocations')
  }
}
