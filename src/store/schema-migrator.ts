import type { IMigratorStorage, MigrationRow, Transaction } from '@mikro-orm/core'
import { Migrator } from '@mikro-orm/migrations'
import type { AbstractSqlDriver } from '@mikro-orm/sqlite'
import { InitialSchema } from '../../migrations/0001-initial-schema.ts'
import { DebugColumn } from '../../migrations/0002-debug-column.ts'
import { FunctionObjects } from '../../migrations/0003-function-objects.ts'
import { PulledImages } from '../../migrations/0004-pulled-images.ts'
import { Secrets } from '../../migrations/0005-secrets.ts'
import { AuditLog } from '../../migrations/0006-audit-log.ts'
import { Tokens } from '../../migrations/0007-tokens.ts'
import { ScaleColumn } from '../../migrations/0008-scale-column.ts'
import { Invocations } from '../../migrations/0009-invocations.ts'
import { Schedules } from '../../migrations/0010-schedules.ts'
import { EventPositions } from '../../migrations/0011-event-positions.ts'
import { InvocationCounts } from '../../migrations/0012-invocation-counts.ts'
import { LastLines } from '../../migrations/0013-last-lines.ts'
import { Namespaces } from '../../migrations/0014-namespaces.ts'
import { Profiles } from '../../migrations/0015-profiles.ts'
import { SCHEMA_MIGRATIONS } from '../../migrations/schema.ts'

/** Every migration, in order. The descriptions of 1 and 2 are those of the older program. */
export const MIGRATIONS = [
  { version: 1, name: '0001-initial-schema', description: 'Initial schema', class: InitialSchema },
  { version: 2, name: '0002-debug-column', description: 'Add debug column for v2.0', class: DebugColumn },
  {
    version: 3,
    name: '0003-function-objects',
    description: 'Functions as objects with status',
    class: FunctionObjects
  },
  { version: 4, name: '0004-pulled-images', description: 'Images that were pulled', class: PulledImages },
  { version: 5, name: '0005-secrets', description: 'Secrets, encrypted', class: Secrets },
  { version: 6, name: '0006-audit-log', description: 'Audit log', class: AuditLog },
  { version: 7, name: '0007-tokens', description: 'Tokens', class: Tokens },
  {
    version: 8,
    name: '0008-scale-column',
    description: 'What was decided about the size of functions',
    class: ScaleColumn
  },
  { version: 9, name: '0009-invocations', description: 'Asynchronous calls', class: Invocations },
  { version: 10, name: '0010-schedules', description: 'Ticks of schedules', class: Schedules },
  { version: 11, name: '0011-event-positions', description: 'Positions of events', class: EventPositions },
  {
    version: 12,
    name: '0012-invocation-counts',
    description: 'How often functions were called',
    class: InvocationCounts
  },
  { version: 13, name: '0013-last-lines', description: 'What replicas that are gone wrote last', class: LastLines },
  { version: 14, name: '0014-namespaces', description: 'Namespaces', class: Namespaces },
  { version: 15, name: '0015-profiles', description: 'Profiles of functions', class: Profiles }
] as const

/** The schema version that this release works with. */
export const LATEST_VERSION = MIGRATIONS.length

/** MikroORM's migrator, with the log in `schema_migrations`, where the older program has it. */
export class SchemaMigrator extends Migrator {
  protected override createStorage(): IMigratorStorage {
    return new SchemaMigrationsStorage(this.driver)
  }
}

class SchemaMigrationsStorage implements IMigratorStorage {
  readonly #driver: AbstractSqlDriver
  #transaction: Transaction | undefined
  constructor(driver: AbstractSqlDriver) {
    this.#driver = driver
  }

  async ensureTable(): Promise<void> {
    await this.#execute(SCHEMA_MIGRATIONS)
  }

  async executed(): Promise<string[]> {
    return (await this.getExecutedMigrations()).map(row => row.name)
  }

  async getExecutedMigrations(): Promise<MigrationRow[]> {
    await this.ensureTable()
    const rows = await this.#execute('SELECT version, applied_at FROM schema_migrations ORDER BY version')
    return rows.map(row => ({
      id: Number(row['version']),
      name: MIGRATIONS[Number(row['version']) - 1]?.name ?? `unknown-${row['version']}`,
      executed_at: new Date(String(row['applied_at']))
    }))
  }

  async logMigration({ name }: { name: string }, tx?: Transaction): Promise<void> {
    const { version, description } = find(name)
    await this.#execute(
      'INSERT INTO schema_migrations (version, description) VALUES (?, ?)',
      [version, description],
      tx
    )
  }

  async unlogMigration({ name }: { name: string }, tx?: Transaction): Promise<void> {
    await this.#execute('DELETE FROM schema_migrations WHERE version = ?', [find(name).version], tx)
  }

  setMasterMigration(transaction: Transaction): void {
    this.#transaction = transaction
  }

  unsetMasterMigration(): void {
    this.#transaction = undefined
  }

  getMigrationName(name: string): string {
    return name
  }

  async #execute(sql: string, params: unknown[] = [], tx = this.#transaction): Promise<Record<string, unknown>[]> {
    return await this.#driver.execute(sql, params, 'all', tx)
  }
}

function find(name: string): (typeof MIGRATIONS)[number] {
  const migration = MIGRATIONS.find(migration => migration.name === name)
  if (migration === undefined) throw new Error(`no migration ${name}`)
  return migration
}
