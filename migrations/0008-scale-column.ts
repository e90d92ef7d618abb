import { Migration } from '@mikro-orm/migrations'
import { SCALE_COLUMN } from './schema.ts'

/**
 * Adds what is decided about the size of a function beside its spec. Before it only people changed the number of replicas,
 * so one other than 1 is a person's, unless the labels of the autoscaler say how many there are to be.
 */
export class ScaleColumn extends Migration {
  override async up(): Promise<void> {
    await this.execute(SCALE_COLUMN)
    await this.execute(`UPDATE functions SET scale = '{"pinned":true}'
      WHERE json_extract(spec, '$.replicas') <> 1 AND instr(labels, '"com.openfaas.scale.') = 0`)
    const kept = await this.execute("SELECT 1 FROM sqlite_master WHERE name = 'rollback_scale'")
    if (kept.length === 0) return
    await this.execute(`UPDATE functions SET scale = (SELECT scale FROM rollback_scale r WHERE r.uid = functions.uid)
      WHERE uid IN (SELECT uid FROM rollback_scale)`)
    await this.execute('DROP TABLE rollback_scale')
  }

  /** Drops the column, and remembers what it held; the number of replicas stays as it is. */
  override async down(): Promise<void> {
    await this.execute('CREATE TABLE rollback_scale AS SELECT uid, scale FROM functions')
    await this.execute('ALTER TABLE functions DROP COLUMN scale')
  }
}
