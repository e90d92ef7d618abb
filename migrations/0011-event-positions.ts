import { Migration } from '@mikro-orm/migrations'
import { EVENT_POSITIONS } from './schema.ts'

/** Gives each event a position, which grows with every one that is recorded or counted, so that a watch goes on where it was. */
export class EventPositions extends Migration {
  override async up(): Promise<void> {
    for (const sql of EVENT_POSITIONS) await this.execute(sql)
    const [last] = await this.execute("SELECT value FROM meta WHERE key = 'event_version'")
    // Positions that were given out before a rollback are not given to other events.
    const base = Number(last?.value ?? 0)
    await this.#restore()
    await this.execute('UPDATE events SET resource_version = id + ? WHERE resource_version = 0', [base])
    const [row] = await this.execute('SELECT max(resource_version) AS version FROM events')
    await this.execute("DELETE FROM meta WHERE key = 'event_version'")
    const version = Math.max(base, Number(row?.version ?? 0))
    await this.execute("INSERT INTO meta (key, value) VALUES ('event_version', ?)", [String(version)])
  }

  /** Drops the column, and remembers what it held; the last position stays in `meta`. */
  override async down(): Promise<void> {
    await this.execute('CREATE TABLE rollback_event_positions AS SELECT id, resource_version FROM events')
    await this.execute('DROP INDEX idx_events_resource_version')
    await this.execute('ALTER TABLE events DROP COLUMN resource_version')
  }

  async #restore(): Promise<void> {
    const kept = await this.execute("SELECT 1 FROM sqlite_master WHERE name = 'rollback_event_positions'")
    if (kept.length === 0) return
    await this.execute(`UPDATE events SET resource_version = r.resource_version
      FROM rollback_event_positions r WHERE r.id = events.id`)
    await this.execute('DROP TABLE rollback_event_positions')
  }
}
