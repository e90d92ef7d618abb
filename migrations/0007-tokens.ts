import { Migration } from '@mikro-orm/migrations'
import { TOKENS } from './schema.ts'

/** Adds the tokens, each by the SHA-256 of its secret. */
export class Tokens extends Migration {
  override async up(): Promise<void> {
    for (const sql of TOKENS) await this.execute(sql)
  }

  /** Forgets them: the older release knows none, and they must not come back to life. */
  override async down(): Promise<void> {
    await this.execute('DROP TABLE tokens')
  }
}
