import type { EntityManager } from '@mikro-orm/sqlite'
import { type AuditOutcome, type AuditSubject, digestOf } from '../../api/audit.ts'
import { ConflictError, ProfileInUseError } from '../../api/errors.ts'
import type { StringMap } from '../../api/meta.ts'
import { type ProfileDraft, type ProfileObject, type ProfileSpec, profileNamesOf } from '../../api/profile.ts'
import { canonicalJson } from '../../api/spec-hash.ts'
import { type Clock, toTimestamp } from '../clock.ts'
import { nextResourceVersion } from './meta.ts'
import type { Database } from './orm.ts'
import type { ProfilePutOptions, ProfilePutResult, ProfileStore } from './profile-store.ts'

interface ProfileRow {
  readonly name: string
  readonly uid: string
  readonly resource_version: number
  readonly labels: string
  readonly annotations: string
  readonly spec: string
  readonly created_at: string
  readonly updated_at: string
}

export interface ProfilesDeps {
  readonly database: Database
  readonly clock: Clock
  readonly newUid: () => string
  /** Told what a listener threw: that must not fail the write, which is on the disk already. */
  readonly onListenerError: (err: unknown) => void
}

interface Written extends ProfilePutResult {
  readonly previous: ProfileObject | undefined
}

const PUT = `INSERT INTO profiles (name, uid, resource_version, labels, annotations, spec, created_at, updated_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (name) DO UPDATE SET resource_version = excluded.resource_version, labels = excluded.labels,
    annotations = excluded.annotations, spec = excluded.spec, updated_at = excluded.updated_at`

/** Profiles in SQLite. See `ProfileStore` for what each method promises. */
export class Profiles implements ProfileStore {
  readonly #deps: ProfilesDeps
  readonly #known: Map<string, ProfileObject>
  readonly #listeners = new Set<(name: string) => void>()

  private constructor(deps: ProfilesDeps, known: readonly ProfileObject[]) {
    this.#deps = deps
    this.#known = new Map(known.map(profile => [profile.metadata.name, profile]))
  }

  static async open(deps: ProfilesDeps): Promise<Profiles> {
    const rows = await deps.database.read(em => em.execute<ProfileRow[]>('SELECT * FROM profiles'))
    return new Profiles(deps, rows.map(toProfile))
  }

  get(name: string): ProfileObject | undefined {
    return this.#known.get(name)
  }

  list(): ProfileObject[] {
    return [...this.#known.values()].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
  }

  put(
    name: string,
    change: (current: ProfileObject | undefined) => ProfileDraft,
    { ifMatch }: ProfilePutOptions = {}
  ): Promise<ProfilePutResult> {
    return this.#deps.database.write<Written>(
      async em => {
        const previous = this.#known.get(name)
        requireVersion(name, previous, ifMatch)
        const draft = change(previous)
        if (previous !== undefined && isSame(previous, draft))
          return { outcome: 'unchanged', object: previous, previous }
        const object = await this.#write(em, draft, previous)
        return { outcome: previous === undefined ? 'created' : 'changed', object, previous }
      },
      {
        committed: ({ outcome, object }) => {
          if (outcome === 'unchanged') return
          this.#known.set(name, object)
          this.#tell(name)
        },
        audited: ({ outcome, object, previous }) => subjectOf(outcome, { before: previous, after: object })
      }
    )
  }

  delete(name: string, { ifMatch }: ProfilePutOptions = {}): Promise<ProfileObject | undefined> {
    return this.#deps.database.write<ProfileObject | undefined>(
      async em => {
        const object = this.#known.get(name)
        if (object === undefined) return undefined
        requireVersion(name, object, ifMatch)
        const users = await usersOf(em, name)
        if (users.length > 0) throw new ProfileInUseError(name, users)
        await nextResourceVersion(em)
        await em.execute('DELETE FROM profiles WHERE name = ?', [name])
        return object
      },
      {
        committed: object => {
          if (object === undefined) return
          this.#known.delete(name)
          this.#tell(name)
        },
        audited: object => object && subjectOf('deleted', { before: object })
      }
    )
  }

  onChange(listener: (name: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async #write(em: EntityManager, draft: ProfileDraft, previous: ProfileObject | undefined): Promise<ProfileObject> {
    const { name, labels, annotations, spec } = draft
    const updatedAt = toTimestamp(this.#deps.clock.now())
    const { uid, createdAt } = previous?.metadata ?? { uid: this.#deps.newUid(), createdAt: updatedAt }
    const resourceVersion = await nextResourceVersion(em)
    const texts = [labels, annotations, spec].map(value => JSON.stringify(value))
    await em.execute(PUT, [name, uid, resourceVersion, ...texts, createdAt, updatedAt])
    return { metadata: { name, uid, resourceVersion, labels, annotations, createdAt, updatedAt }, spec }
  }

  #tell(name: string): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(name)
      } catch (err) {
        this.#deps.onListenerError(err)
      }
    }
  }
}

/** Keys of the functions that name the profile and are not on their way out, in order. */
async function usersOf(em: EntityManager, name: string): Promise<string[]> {
  const sql = `SELECT namespace, name, annotations FROM functions
    WHERE deletion_requested_at IS NULL AND annotations LIKE '%com.openfaas.profile%' ORDER BY namespace, name`
  const rows = await em.execute<{ namespace: string; name: string; annotations: string }[]>(sql)
  return rows
    .filter(({ annotations }) => profileNamesOf(JSON.parse(annotations) as StringMap).includes(name))
    .map(row => `${row.namespace}/${row.name}`)
}

function requireVersion(name: string, current: ProfileObject | undefined, ifMatch: number | undefined): void {
  const actual = current?.metadata.resourceVersion
  if (ifMatch === undefined || actual === ifMatch) return
  throw new ConflictError(`profile ${name}`, String(ifMatch), actual === undefined ? 'none' : String(actual))
}

function isSame({ metadata, spec }: ProfileObject, draft: ProfileDraft): boolean {
  const { labels, annotations } = metadata
  const wanted = { labels: draft.labels, annotations: draft.annotations, spec: draft.spec }
  return canonicalJson({ labels, annotations, spec }) === canonicalJson(wanted)
}

function subjectOf(
  outcome: AuditOutcome,
  { before, after }: { before?: ProfileObject | undefined; after?: ProfileObject | undefined }
): AuditSubject {
  return {
    ...{ kind: 'profile', namespace: '', name: (after ?? before)?.metadata.name ?? '', outcome },
    ...(before !== undefined && { before: digestOf(canonicalJson(before.spec)) }),
    ...(after !== undefined && { after: digestOf(canonicalJson(after.spec)) })
  }
}

function toProfile(row: ProfileRow): ProfileObject {
  const { name, uid } = row
  return {
    metadata: {
      name,
      uid,
      resourceVersion: row.resource_version,
      labels: JSON.parse(row.labels) as StringMap,
      annotations: JSON.parse(row.annotations) as StringMap,
      createdAt: row.created_at,
      updatedAt: row.updated_at
    },
    spec: JSON.parse(row.spec) as ProfileSpec
  }
}
