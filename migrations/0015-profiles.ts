import { Migration } from '@mikro-orm/migrations'
import { PROFILES } from './schema.ts'

/** Adds profiles of functions. */
export class Profiles extends Migration {
  override async up(): Promise<void> {
    await this.execute(PROFILES)
    const kept = await this.execute("SELECT 1 FROM sqlite_master WHERE name = 'rollback_profiles'")
    if (kept.length === 0) return
    await this.execute('INSERT INTO profiles SELECT * FROM rollback_profiles')
    await this.execute('DROP TABLE rollback_profiles')
  }

  /** Drops the table, and remembers what it held for the release that comes back. */
  override async down(): Promise<void> {
    await this.execute('CREATE TABLE rollback_profiles AS SELECT * FROM profiles')
    await this.execute('DROP TABLE profiles')
  }
}
