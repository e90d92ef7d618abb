import type { EntityManager } from '@mikro-orm/sqlite'
import { type AuditSubject, digestOf } from '../../api/audit.ts'
import { ConflictError } from '../../api/errors.ts'
import type { FunctionObject } from '../../api/function.ts'
import { keyOf } from '../../api/meta.ts'
import { canonicalJson } from '../../api/spec-hash.ts'
import { type Clock, toTimestamp } from '../clock.ts'
import { FunctionEntity } from './entities.ts'
import type { ChangeFeed } from './feed.ts'
import { addRevision, find, removeRow, stored } from './function-rows.ts'
import { nextResourceVersion, raiseResourceVersion, readMeta, readResourceVersion, writeMeta } from './meta.ts'
import { ensureNamespace } from './namespace-rows.ts'
import type { Database } from './orm.ts'
import { fromObject } from './rows.ts'
import type { AdoptionState, AdoptionStore, Change, DecidedFunction, Decision, Latch } from './store.ts'

const STATE = 'adoption'
const DISCARDED = 'discarded_uids'

export interface AdoptionsDeps {
  readonly database: Database
  readonly feed: ChangeFeed
  readonly clock: Pick<Clock, 'now'>
  /** Tells of what is committed. */
  readonly tell: (changes: readonly Change[]) => void
}

/** What is undecided between the database and what runs, in `meta`. See `AdoptionStore` for what each method promises. */
export class Adoptions implements AdoptionStore {
  readonly #deps: AdoptionsDeps
  constructor(deps: AdoptionsDeps) {
    this.#deps = deps
  }

  state(): Promise<AdoptionState | undefined> {
    return this.#deps.database.read(readState)
  }

  begin(): Promise<AdoptionState> {
    return this.#deps.database.write(async em => {
      const before = await readState(em)
      if (before !== undefined) return before
      const state = { baseline: await readResourceVersion(em), openedAt: this.#deps.clock.now() }
      await writeMeta(em, STATE, JSON.stringify(state))
      return state
    })
  }

  async pass(newest: number): Promise<void> {
    await this.#deps.database.write(
      async em => {
        await writeMeta(em, STATE, undefined)
        return await raiseResourceVersion(em, newest)
      },
      { committed: version => this.#deps.feed.raise(version) }
    )
  }

  latch(latch: Latch): Promise<void> {
    return this.#deps.database.write(async em => {
      const { baseline, openedAt } = (await readState(em)) ?? {
        baseline: await readResourceVersion(em),
        openedAt: latch.since
      }
      await writeMeta(em, STATE, JSON.stringify({ baseline, openedAt, latch }))
    })
  }

  discarded(): Promise<ReadonlySet<string>> {
    return this.#deps.database.read(readDiscarded)
  }

  async decide(decision: Decision): Promise<Latch | undefined> {
    const { database, feed, tell } = this.#deps
    const { latch } = await database.write(em => this.#decide(em, decision), {
      committed: ({ raised, changes }) => {
        feed.raise(raised)
        tell(changes)
      },
      audited: () => subjectOf(decision)
    })
    return latch
  }

  async #decide(em: EntityManager, { functions, decided, discarded, isFinal }: Decision) {
    const before = await readState(em)
    await requireUnchanged(em, functions)
    const raised = await raiseResourceVersion(em, before?.latch?.newest ?? 0)
    const changes: Change[] = []
    for (const { object } of functions) {
      await ensureNamespace(em, object.metadata.namespace, toTimestamp(this.#deps.clock.now()))
      changes.push(...(await replaceRow(em, object)))
    }
    if (discarded.length > 0) {
      const all = new Set([...(await readDiscarded(em)), ...discarded])
      await writeMeta(em, DISCARDED, JSON.stringify([...all]))
    }
    const latch = isFinal || before?.latch === undefined ? undefined : without(before.latch, decided)
    const state = latch === undefined || before === undefined ? undefined : { ...before, latch }
    await writeMeta(em, STATE, state === undefined ? undefined : JSON.stringify(state))
    return { raised, changes, latch }
  }
}

function subjectOf({ functions, decided, discarded }: Decision): AuditSubject {
  const adopted = functions.map(({ object }) => keyOf(object.metadata))
  const detail = `decided ${decided.join(', ')}; adopted ${adopted.join(', ')}; gave up ${discarded.length} uids`
  const after = digestOf(canonicalJson(functions.map(({ object: { metadata, spec } }) => ({ ...metadata, spec }))))
  return { kind: 'adoption', namespace: '', name: '', outcome: 'done', after, detail }
}

function without(latch: Latch, decided: readonly string[]): Latch {
  return { ...latch, undecided: latch.undecided.filter(({ key }) => !decided.includes(key)) }
}

async function requireUnchanged(em: EntityManager, functions: readonly DecidedFunction[]): Promise<void> {
  for (const { object, readAt } of functions) {
    const key = keyOf(object.metadata)
    const found = (await find(em, key))?.resourceVersion
    if (found !== readAt) throw new ConflictError(key, versionText(readAt), versionText(found))
  }
}

function versionText(resourceVersion: number | undefined): string {
  return resourceVersion === undefined ? 'none' : String(resourceVersion)
}

/** Puts the object in the place of whatever has its name; a row of its uid keeps its revisions. */
async function replaceRow(em: EntityManager, object: FunctionObject): Promise<Change[]> {
  const row = await find(em, keyOf(object.metadata))
  const isSame = row?.uid === object.metadata.uid
  const removal = row === undefined || isSame ? [] : [await removeRow(em, row)]
  const resourceVersion = await nextResourceVersion(em)
  const written = stored({ ...object, metadata: { ...object.metadata, resourceVersion } })
  if (isSame) await em.nativeUpdate(FunctionEntity, { uid: row.uid }, fromObject(written))
  else await em.insert(FunctionEntity, fromObject(written))
  await addRevision(em, written)
  return [...removal, { type: isSame ? 'MODIFIED' : 'ADDED', object: written }]
}

async function readState(em: EntityManager): Promise<AdoptionState | undefined> {
  const text = await readMeta(em, STATE)
  return text === undefined ? undefined : (JSON.parse(text) as AdoptionState)
}

async function readDiscarded(em: EntityManager): Promise<ReadonlySet<string>> {
  return new Set(JSON.parse((await readMeta(em, DISCARDED)) ?? '[]') as string[])
}
