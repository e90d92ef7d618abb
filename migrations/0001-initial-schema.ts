import { Migration } from '@mikro-orm/migrations'
import { LEGACY_FUNCTIONS, LEGACY_INDEXES } from './schema.ts'

/** The table of v1.0, which kept no log: a file of its time has the table already and only gets the row. */
export class InitialSchema extends Migration {
  override async up(): Promise<void> {
    for (const sql of [LEGACY_FUNCTIONS, ...LEGACY_INDEXES]) await this.execute(sql)
  }

  /** Leaves a file of v1.0: the table and its rows stay. */
  override async down(): Promise<void> {
    // nothing to undo: v1.0 differs from version 1 only by the missing log row
  }
}
