import { Migration } from '@mikro-orm/migrations'
import { NAMESPACES } from './schema.ts'

/** What names a namespace already. Source: `openfaas-fn` is the namespace of what names none. */
const NAMED = `SELECT 'openfaas-fn' AS name
  UNION SELECT namespace FROM functions
  UNION SELECT namespace FROM secrets
  UNION SELECT value FROM tokens, json_each(tokens.namespaces) WHERE tokens.namespaces IS NOT NULL`

const FILL = `INSERT OR IGNORE INTO namespaces (name, labels, annotations, created_at, resource_version)
  SELECT name, '{}', '{}', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'),
    COALESCE((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'resource_version'), 0)
  FROM (${NAMED}) ORDER BY name`

/** Adds the namespaces, with one for each that anything is in or bound to. */
export class Namespaces extends Migration {
  override async up(): Promise<void> {
    await this.execute(NAMESPACES)
    const kept = await this.execute("SELECT 1 FROM sqlite_master WHERE name = 'rollback_namespaces'")
    if (kept.length > 0) {
      await this.execute('INSERT INTO namespaces SELECT * FROM rollback_namespaces')
      await this.execute('DROP TABLE rollback_namespaces')
    }
    await this.execute(FILL)
  }

  /** Drops the table, and remembers what it held: the older release knows no labels and no quotas, which are not to be lost. */
  override async down(): Promise<void> {
    await this.execute('CREATE TABLE rollback_namespaces AS SELECT * FROM namespaces')
    await this.execute('DROP TABLE namespaces')
  }
}
