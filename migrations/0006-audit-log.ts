import { Migration } from '@mikro-orm/migrations'
import { AUDIT_TABLES } from './schema.ts'

/** Adds the audit log: rows that nobody may change, and none but the oldest removed. */
export class AuditLog extends Migration {
  override async up(): Promise<void> {
    for (const sql of AUDIT_TABLES) await this.execute(sql)
  }

  /** Forgets it: no older release goes on with it. The backup that is taken before has it. */
  override async down(): Promise<void> {
    await this.execute('DROP TABLE audit')
    await this.execute('DROP TABLE audit_marks')
  }
}
