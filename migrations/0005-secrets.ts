import { Migration } from '@mikro-orm/migrations'
import { SECRETS } from './schema.ts'

/** Adds the secrets of functions, encrypted. */
export class Secrets extends Migration {
  override async up(): Promise<void> {
    await this.execute(SECRETS)
  }

  /** Forgets them: no older release can read them. The backup that is taken before has them. */
  override async down(): Promise<void> {
    await this.execute('DROP TABLE secrets')
  }
}
