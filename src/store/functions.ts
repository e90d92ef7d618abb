import type { EntityManager } from '@mikro-orm/sqlite'
import { ConflictError } from '../../api/errors.ts'
import type { FunctionDraft, FunctionObject, FunctionStatus, Revision } from '../../api/function.ts'
import { keyOf } from '../../api/meta.ts'
import { type Clock, toTimestamp } from '../clock.ts'
import { type AdmittedWrite, admit, mostReplicasOf } from './admission.ts'
import { FunctionEntity, type FunctionRow } from './entities.ts'
import type { ChangeFeed } from './feed.ts'
import { find, findRevisions, removeRow, stored } from './function-rows.ts'
import { changeObject, insertObject, type Outcome, subjectOf, writeScale } from './function-writes.ts'
import { nextResourceVersion } from './meta.ts'
import { ensureNamespace } from './namespace-rows.ts'
import type { Database } from './orm.ts'
import { deploymentOf, fromObject, isSameScale, statementOf, toObject, toRevision } from './rows.ts'
import { sqlText } from './sql-text.ts'
import type { Change, FunctionStore, ListOptions, ScaleDecision, WriteOptions, WriteResult } from './store.ts'

export interface FunctionsDeps {
  readonly database: Database
  readonly feed: ChangeFeed
  readonly clock: Clock
  readonly newUid: () => string
  /** Memory limit of functions that name none, for quotas; 0: none. */
  readonly memoryDefaultBytes: number
  /** Told what a listener of changes threw: that must not fail the write, which is on the disk already. */
  readonly onListenerError: (err: unknown) => void
}

/** Functions in SQLite. See `FunctionStore` for what each method promises. */
export class Functions implements FunctionStore {
  readonly #deps: FunctionsDeps
  constructor(deps: FunctionsDeps) {
    this.#deps = deps
  }

  get(key: string): Promise<FunctionObject | undefined> {
    return this.#deps.database.read(async em => toObjectIf(await find(em, key)))
  }

  list(options: ListOptions = {}): Promise<FunctionObject[]> {
    const { namespaces = 'all', labels = {} } = options
    return this.#deps.database.read(async em => {
      // not find(): it builds an entity of each row, which takes ten times as long
      const query = em.createQueryBuilder(FunctionEntity).select('*')
      if (namespaces !== 'all') query.where({ namespace: { $in: [...namespaces].map(sqlText) } })
      const rows: FunctionRow[] = await query.execute('all')
      return rows
        .map(toObject)
        .filter(({ metadata }) => Object.entries(labels).every(([label, value]) => metadata.labels[label] === value))
        .sort(
          (a, b) => compare(a.metadata.namespace, b.metadata.namespace) || compare(a.metadata.name, b.metadata.name)
        )
    })
  }

  put(
    key: string,
    change: (current: FunctionObject | undefined) => FunctionDraft,
    options: WriteOptions = {}
  ): Promise<WriteResult> {
    return this.#write(async em => {
      const row = await find(em, key)
      if (row === undefined || isDeleting(row)) return await this.#create(em, { key, dying: row, change, options })
      const current = toObject(row)
      checkVersion(key, current, options)
      const draft = draftFor(key, change, current)
      await this.#admit(em, { namespace: current.metadata.namespace, current, draft }, options)
      const isSame = deploymentOf(draft) === deploymentOf({ ...current.metadata, spec: current.spec })
      if (isSame && !isSameScale(draft.scale, current.scale)) return await writeScale(em, current, draft, this.#now())
      if (isSame) {
        const subject = subjectOf('unchanged', current.metadata, { before: current, after: current })
        return { answer: { outcome: 'unchanged', object: current }, changes: [], subject }
      }
      return await changeObject(em, current, draft, this.#now())
    }, options)
  }

  markDeleted(key: string, options: WriteOptions = {}): Promise<FunctionObject | undefined> {
    return this.#write<FunctionObject | undefined>(async em => {
      const row = await find(em, key)
      if (row === undefined || isDeleting(row)) return { answer: undefined, changes: [] }
      const current = toObject(row)
      checkVersion(key, current, options)
      const resourceVersion = await nextResourceVersion(em)
      const deletionRequestedAt = this.#now()
      const object = { ...current, metadata: { ...current.metadata, resourceVersion, deletionRequestedAt } }
      await em.nativeUpdate(FunctionEntity, { uid: row.uid }, { resourceVersion, deletionRequestedAt })
      const subject = subjectOf('deleted', object.metadata, { before: current })
      return { answer: object, changes: [{ type: 'MODIFIED', object }], subject }
    }, options)
  }

  remove(key: string, uid: string): Promise<void> {
    return this.#write<void>(async em => {
      const row = await find(em, key)
      if (row === undefined || row.uid !== uid || !isDeleting(row)) return { answer: undefined, changes: [] }
      return { answer: undefined, changes: [await removeRow(em, row)] }
    })
  }

  putStatus(key: string, uid: string, status: FunctionStatus): Promise<FunctionObject | undefined> {
    return this.#write<FunctionObject | undefined>(async em => {
      const row = await find(em, key)
      if (row === undefined || row.uid !== uid) return { answer: undefined, changes: [] }
      const current = toObject(row)
      if (statementOf(status) === statementOf(current.status)) return { answer: current, changes: [] }
      const resourceVersion = await nextResourceVersion(em)
      const object = stored({ ...current, metadata: { ...current.metadata, resourceVersion }, status })
      await em.nativeUpdate(FunctionEntity, { uid }, { resourceVersion, status: fromObject(object).status })
      return { answer: object, changes: [{ type: 'MODIFIED', object }] }
    })
  }

  putScale(
    key: string,
    uid: string,
    decide: (current: FunctionObject, most: number) => ScaleDecision | undefined
  ): Promise<FunctionObject | undefined> {
    return this.#write<FunctionObject | undefined>(async em => {
      const row = await find(em, key)
      if (row === undefined || row.uid !== uid || isDeleting(row)) return { answer: undefined, changes: [] }
      const current = toObject(row)
      const decision = decide(current, await mostReplicasOf(em, current, this.#deps.memoryDefaultBytes))
      if (decision === undefined || isAlready(decision, current)) return { answer: current, changes: [] }
      const { replicas, scale } = decision
      const wish = { spec: { ...current.spec, replicas }, ...(scale === undefined ? {} : { scale }) }
      const { subject: _unaudited, ...done } = await writeScale(em, current, wish, this.#now())
      return { ...done, answer: done.answer.object }
    })
  }

  revisions(key: string): Promise<Revision[]> {
    return this.#deps.database.read(async em => {
      const row = await find(em, key)
      if (row === undefined) return []
      return (await findRevisions(em, row.uid)).map(toRevision)
    })
  }

  resourceVersion(): number {
    return this.#deps.feed.resourceVersion
  }

  watch(resourceVersion: number, signal: AbortSignal): AsyncIterable<Change> {
    return this.#deps.feed.watch(resourceVersion, signal)
  }

  onChange(listener: (change: Change) => void): () => void {
    return this.#deps.feed.listen(listener)
  }

  async #create(
    em: EntityManager,
    request: {
      key: string
      dying: FunctionRow | undefined
      change: (current: FunctionObject | undefined) => FunctionDraft
      options: WriteOptions
    }
  ): Promise<Outcome<WriteResult>> {
    const { key, dying, options } = request
    const draft = draftFor(key, request.change, undefined)
    if (options.ifMatch !== undefined) throw new ConflictError(key, String(options.ifMatch), 'none')
    const removal = dying === undefined ? [] : [await removeRow(em, dying)]
    await this.#admit(em, { namespace: draft.namespace, draft }, options)
    const { changes, ...done } = await insertObject(em, draft, { uid: this.#deps.newUid(), now: this.#now() })
    return { ...done, changes: [...removal, ...changes] }
  }

  /** What runs already, or comes from elsewhere, is not refused: its namespace comes with it. */
  async #admit(em: EntityManager, write: AdmittedWrite, { admission }: WriteOptions): Promise<void> {
    if (admission !== undefined) await admit(em, write, admission, this.#deps.memoryDefaultBytes)
    else if (write.current === undefined) await ensureNamespace(em, write.namespace, this.#now())
  }

  async #write<T>(work: (em: EntityManager) => Promise<Outcome<T>>, options: WriteOptions = {}): Promise<T> {
    const { answer } = await this.#deps.database.write(work, {
      dryRun: options.dryRun ?? false,
      committed: ({ changes }) => this.tell(changes),
      audited: ({ subject }) => subject
    })
    return answer
  }

  /** Tells everyone of what is committed. */
  tell(changes: readonly Change[]): void {
    for (const change of changes) {
      for (const err of this.#deps.feed.push(change)) this.#deps.onListenerError(err)
    }
  }

  #now(): string {
    return toTimestamp(this.#deps.clock.now())
  }
}

function draftFor(
  key: string,
  change: (current: FunctionObject | undefined) => FunctionDraft,
  current: FunctionObject | undefined
): FunctionDraft {
  const draft = change(current)
  if (keyOf(draft) !== key) throw new Error(`draft of ${keyOf(draft)} was put as ${key}`)
  const { namespace, name, labels, annotations, spec, scale } = draft
  return { namespace, name, labels, annotations, spec, ...(scale === undefined ? {} : { scale }) }
}

function isAlready({ replicas, scale }: ScaleDecision, current: FunctionObject): boolean {
  return replicas === current.spec.replicas && isSameScale(scale, current.scale)
}

function checkVersion(key: string, current: FunctionObject, { ifMatch }: WriteOptions): void {
  const { resourceVersion } = current.metadata
  if (ifMatch !== undefined && ifMatch !== resourceVersion) {
    throw new ConflictError(key, String(ifMatch), String(resourceVersion))
  }
}

function isDeleting(row: FunctionRow): boolean {
  return typeof row.deletionRequestedAt === 'string'
}

function toObjectIf(row: FunctionRow | undefined): FunctionObject | undefined {
  return row === undefined ? undefined : toObject(row)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
