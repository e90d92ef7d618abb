import type { EntityManager } from '@mikro-orm/sqlite'
import { type AuditOutcome, type AuditSubject, digestOf } from '../../api/audit.ts'
import { AlreadyExistsError, ConflictError, NotFoundError } from '../../api/errors.ts'
import { parseKey } from '../../api/meta.ts'
import type { SecretObject } from '../../api/secret.ts'
import { type Clock, toTimestamp } from '../clock.ts'
import { SecretEntity, type SecretRow } from './entities.ts'
import { SecretUnreadableError } from './errors.ts'
import { nextResourceVersion } from './meta.ts'
import { ensureNamespace, requireNamespace } from './namespace-rows.ts'
import { type Database, PLAIN } from './orm.ts'
import type { ResealResult, SecretCipher, SecretPutOptions, SecretPutResult, SecretStore } from './secret-store.ts'
import { sqlText } from './sql-text.ts'
import type { ListOptions } from './store.ts'

export interface SecretsDeps {
  readonly database: Database
  readonly cipher: SecretCipher
  readonly clock: Clock
  readonly newUid: () => string
  /** Told what a listener threw: that must not fail the write, which is on the disk already. */
  readonly onListenerError: (err: unknown) => void
}

type SecretColumns = Omit<SecretRow, 'id'>

/** Secrets sealed anew in one transaction: other writes wait for no more than that. */
const RESEAL_BATCH = 20

/** Secrets in SQLite. See `SecretStore` for what each method promises. */
export class Secrets implements SecretStore {
  readonly #deps: SecretsDeps
  readonly #listeners = new Set<(object: SecretObject) => void>()
  constructor(deps: SecretsDeps) {
    this.#deps = deps
  }

  get(key: string): Promise<SecretObject | undefined> {
    return this.#deps.database.read(async em => {
      const row = await find(em, key)
      return row && toSecret(row)
    })
  }

  list({ namespaces = 'all' }: Pick<ListOptions, 'namespaces'> = {}): Promise<SecretObject[]> {
    return this.#deps.database.read(async em => {
      // Values stay where they are: all of them together may be large.
      const query = em
        .createQueryBuilder(SecretEntity)
        .select([
          'namespace',
          'name',
          'uid',
          'version',
          'contentId',
          'resourceVersion',
          'sizeBytes',
          'createdAt',
          'updatedAt'
        ])
        .orderBy({ namespace: 'asc', name: 'asc' })
      if (namespaces !== 'all') query.where({ namespace: { $in: [...namespaces].map(sqlText) } })
      return (await query.execute<SecretRow[]>('all')).map(toSecret)
    })
  }

  async put(key: string, value: Uint8Array, options: SecretPutOptions = {}): Promise<SecretPutResult> {
    await this.#deps.cipher.refresh()
    return this.#deps.database.write(
      async (em): Promise<SecretPutResult & { previous: SecretObject | undefined }> => {
        const row = await find(em, key)
        refuse(key, row, options)
        await this.#admit(em, key, options)
        const previous = row && toSecret(row)
        if (previous !== undefined && row !== undefined && this.#holds(row, value)) {
          return { outcome: 'unchanged', object: previous, previous }
        }
        const columns = await this.#write(em, { key, row, value })
        return { outcome: row === undefined ? 'created' : 'changed', object: toSecret(columns), previous }
      },
      {
        committed: ({ outcome, object }) => outcome !== 'unchanged' && this.#tell(object),
        audited: ({ outcome, object, previous }) => subjectOf(outcome, { before: previous, after: object })
      }
    )
  }

  delete(key: string, options: Pick<SecretPutOptions, 'ifMatch'> = {}): Promise<SecretObject | undefined> {
    return this.#deps.database.write<SecretObject | undefined>(
      async em => {
        const row = await find(em, key)
        if (row === undefined) return undefined
        refuse(key, row, options)
        await nextResourceVersion(em)
        await em.nativeDelete(SecretEntity, { uid: row.uid })
        return toSecret(row)
      },
      {
        committed: object => object !== undefined && this.#tell(object),
        audited: object => object && subjectOf('deleted', { before: object })
      }
    )
  }

  async reveal(object: Pick<SecretObject, 'namespace' | 'name' | 'contentId'>): Promise<Buffer | undefined> {
    const { database, cipher } = this.#deps
    const row = await database.read(em => find(em, `${object.namespace}/${object.name}`))
    if (row === undefined || row.contentId !== object.contentId) return undefined
    await cipher.refresh(row.keyId)
    return cipher.open(row, row)
  }

  async reseal(): Promise<ResealResult> {
    const unreadable = new Map<string, string>()
    let resealed = 0
    for (;;) {
      const left = await this.#withOtherKey([...unreadable.keys()])
      if (left.length === 0) return { resealed, unreadable: [...unreadable.values()].sort() }
      resealed += await this.#deps.database.write(async em => {
        let done = 0
        for (const uid of left) {
          const failed = await this.#resealOne(em, uid)
          if (failed === undefined) done++
          else unreadable.set(uid, failed)
        }
        return done
      })
    }
  }

  usedKeyIds(): Promise<ReadonlySet<string>> {
    return this.#deps.database.read(async em => {
      const rows = await em.execute<{ keyId: string }[]>('SELECT DISTINCT key_id AS keyId FROM secrets')
      return new Set(rows.map(({ keyId }) => keyId))
    })
  }

  onChange(listener: (object: SecretObject) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async #admit(em: EntityManager, key: string, { needsNamespace = false }: SecretPutOptions): Promise<void> {
    const { namespace } = parseKey(sqlText(key))
    if (needsNamespace) await requireNamespace(em, namespace)
    else await ensureNamespace(em, namespace, toTimestamp(this.#deps.clock.now()))
  }

  /** Whether it holds this very value; one that cannot be read holds another. */
  #holds(row: SecretRow, value: Uint8Array): boolean {
    try {
      return this.#deps.cipher.open(row, row).equals(value)
    } catch (err) {
      if (err instanceof SecretUnreadableError) return false
      throw err
    }
  }

  async #write(
    em: EntityManager,
    { key, row, value }: { key: string; row: SecretRow | undefined; value: Uint8Array }
  ): Promise<SecretColumns> {
    const { cipher, clock, newUid } = this.#deps
    const now = toTimestamp(clock.now())
    const identity = {
      ...parseKey(sqlText(key)),
      uid: row?.uid ?? newUid(),
      version: (row?.version ?? 0) + 1,
      contentId: newUid()
    }
    const columns: SecretColumns = {
      ...identity,
      resourceVersion: await nextResourceVersion(em),
      sizeBytes: value.byteLength,
      ...cipher.seal(value, identity),
      createdAt: row?.createdAt ?? now,
      updatedAt: now
    }
    if (row === undefined) await em.insert(SecretEntity, columns)
    else await em.nativeUpdate(SecretEntity, { uid: row.uid }, columns)
    return columns
  }

  /** Uids of some that are not under the current key, but for these. */
  #withOtherKey(except: readonly string[]): Promise<string[]> {
    const keyId = this.#deps.cipher.currentKeyId
    return this.#deps.database.read(async em => {
      const where = { keyId: { $ne: keyId }, uid: { $nin: [...except] } }
      const rows = await em.find(SecretEntity, where, { ...PLAIN, limit: RESEAL_BATCH, orderBy: { id: 'asc' } })
      return rows.map(({ uid }) => uid)
    })
  }

  /** The key of the secret when it cannot be read. One that is gone, or was written under the current key since, is done. */
  async #resealOne(em: EntityManager, uid: string): Promise<string | undefined> {
    const { cipher } = this.#deps
    const row = await em.findOne(SecretEntity, { uid }, PLAIN)
    if (row === null || row.keyId === cipher.currentKeyId) return undefined
    try {
      const sealed = cipher.seal(cipher.open(row, row), row)
      await em.nativeUpdate(SecretEntity, { uid }, sealed)
      return undefined
    } catch (err) {
      if (err instanceof SecretUnreadableError) return `${row.namespace}/${row.name}`
      throw err
    }
  }

  #tell(object: SecretObject): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(object)
      } catch (err) {
        this.#deps.onListenerError(err)
      }
    }
  }
}

async function find(em: EntityManager, key: string): Promise<SecretRow | undefined> {
  const { namespace, name } = parseKey(sqlText(key))
  return (await em.findOne(SecretEntity, { namespace, name }, PLAIN)) ?? undefined
}

/** NOTE: the digests are of the id of a value, which every value has of its own: one of the value itself could be guessed. */
function subjectOf(
  outcome: AuditOutcome,
  { before, after }: { before?: SecretObject | undefined; after?: SecretObject | undefined }
): AuditSubject {
  const { namespace = '', name = '' } = after ?? before ?? {}
  return {
    ...{ kind: 'secret', namespace, name, outcome },
    ...(before !== undefined && { before: digestOf(before.contentId) }),
    ...(after !== undefined && { after: digestOf(after.contentId) })
  }
}

function refuse(key: string, row: SecretRow | undefined, { mode, ifMatch }: SecretPutOptions): void {
  if (mode === 'create' && row !== undefined) throw new AlreadyExistsError('secret', key)
  if (mode === 'update' && row === undefined) throw new NotFoundError('secret', key)
  if (ifMatch !== undefined && row?.resourceVersion !== ifMatch) {
    throw new ConflictError(key, String(ifMatch), row === undefined ? 'none' : String(row.resourceVersion))
  }
}

function toSecret(row: Pick<SecretRow, keyof SecretObject>): SecretObject {
  const { namespace, name, uid, version, contentId, resourceVersion, sizeBytes, createdAt, updatedAt } = row
  return { namespace, name, uid, version, contentId, resourceVersion, sizeBytes, createdAt, updatedAt }
}
