import type { FunctionObject } from '../../api/function.ts'
import { type Heir, legacyFilter } from '../../api/legacy.ts'
import { keyOf } from '../../api/meta.ts'
import type { Signer } from '../../api/signature.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { EngineError, faultOf } from '../../src/engine/faults.ts'
import type { Logger } from '../../src/logging/logger.ts'
import type { Reconciler, Result } from '../../src/runtime/reconciler.ts'
import type { EventStore, FunctionStore } from '../../src/store/store.ts'
import { listOwned, type OwnedObject } from '../owned.ts'
import { type Doubts, NO_DOUBTS, type Orphan, orphanKey, planGarbage, planLegacy, type Verdict } from './plan.ts'

/** The only key of this controller: it looks at everything at once. */
export const GC_KEY = 'engine/all'

/** Verdicts that time changes by itself; of the others a log line tells. That one is leaked is told by the failure to remove it. */
const TRANSIENT: ReadonlySet<Verdict> = new Set(['collect', 'grace', 'next-pass', 'leaked'])

/** Orphans that are named in one log line; `GET /v1/plan` names all. */
const MAX_TOLD = 10

export interface GarbageDeps {
  readonly engine: Pick<
    Engine,
    | 'listContainers'
    | 'listNetworks'
    | 'listVolumes'
    | 'removeContainer'
    | 'disconnectNetwork'
    | 'removeNetwork'
    | 'removeVolume'
  >
  readonly functions: Pick<FunctionStore, 'list'>
  readonly events: Pick<EventStore, 'record'>
  readonly signer: Pick<Signer, 'isGenuine'>
  readonly instance: string
  /** Id of the container that the gateway runs in, if it does. */
  readonly gatewayId: () => string | undefined
  /** What a function may take over of the older program; absent when there is nothing of it. */
  readonly heirOf?: (object: FunctionObject) => Heir | undefined
  /** Ids of networks and volumes that deletions of functions left behind in this process. */
  readonly deserted?: ReadonlySet<string>
  readonly bornAt: number
  /** What a person is asked about; absent: nothing. Rejects while it is not known. */
  readonly doubts?: (signal: AbortSignal) => Promise<Doubts>
  readonly graceMs: number
  readonly intervalMs: number
  readonly maxShare: number
  /** Whether the first full resync is over; before, nothing is removed. */
  readonly isReady: () => boolean
  readonly onCollected: (kind: OwnedObject['kind']) => void
  readonly onOrphans: (count: number) => void
  /** Objects that carry our labels and are not of our making. */
  readonly onForged: (count: number) => void
  /** Networks that the engine refuses to remove. */
  readonly onLeaked?: (count: number) => void
  readonly now: () => number
  readonly log: Logger
}

/** Removes what carries our instance label and belongs to no function that is written down. */
export class GarbageReconciler implements Reconciler {
  readonly name = 'gc'
  readonly #deps: GarbageDeps
  #firstSeen = new Map<string, number>()
  /** Networks that the engine refused to remove at the last try. */
  #refused = new Set<string>()
  #told = ''

  constructor(deps: GarbageDeps) {
    this.#deps = deps
  }

  async reconcile(_key: string, signal: AbortSignal): Promise<Result> {
    const { isReady, intervalMs, onOrphans } = this.#deps
    if (!isReady()) return { requeueAfter: Math.min(intervalMs, 1000) }
    const orphans = await this.preview(signal)
    const now = this.#deps.now()
    this.#firstSeen = new Map(
      orphans.map(({ object }) => [orphanKey(object), this.#firstSeen.get(orphanKey(object)) ?? now])
    )
    this.#refused = new Set([...this.#refused].filter(key => this.#firstSeen.has(key)))
    onOrphans(orphans.length)
    this.#deps.onForged(orphans.filter(({ verdict }) => verdict === 'forged').length)
    this.#tell(orphans)
    await this.#collectAll(
      orphans.filter(({ verdict }) => verdict === 'collect').map(({ object }) => object),
      signal
    )
    return { requeueAfter: this.#nextLook(orphans) }
  }

  /** What is there without an owner, and what would become of it now. */
  async preview(signal: AbortSignal): Promise<Orphan[]> {
    const { functions, bornAt, deserted = new Set(), graceMs, maxShare, now } = this.#deps
    // Docker first: a function that is written down after its objects were listed can only save them.
    const doubts = (await this.#deps.doubts?.(signal)) ?? NO_DOUBTS
    const owned = await listOwned(this.#deps, signal)
    const objects = await functions.list()
    const living = new Map(objects.map(({ metadata }) => [keyOf(metadata), metadata.uid]))
    const without = objects.filter(({ spec }) => spec.secrets.length === 0)
    const secretless = new Set(without.map(({ metadata }) => keyOf(metadata)))
    const [firstSeen, refused] = [this.#firstSeen, this.#refused]
    const known = { owned, living, secretless, doubts }
    return planGarbage({ ...known, firstSeen, refused, deserted, bornAt, now: now(), graceMs, maxShare })
  }

  /** What the older program left running and no function takes over. */
  async previewLegacy(signal: AbortSignal): Promise<Orphan[]> {
    const { engine, functions, heirOf } = this.#deps
    const containers = await engine.listContainers(legacyFilter(), signal)
    const heirs = (await functions.list()).flatMap(object => heirOf?.(object) ?? [])
    return planLegacy(containers, heirs)
  }

  /**
   * One that cannot go, such as a network that a stranger uses, keeps nobody else: it waits for its grace again, and
   * goes after the others then. Throws the first error when all others are done.
   */
  async #collectAll(objects: readonly OwnedObject[], signal: AbortSignal): Promise<void> {
    const failures: unknown[] = []
    for (const object of objects) {
      signal.throwIfAborted()
      try {
        await this.#collect(object, signal)
      } catch (err) {
        if (err instanceof EngineError && err.isUnreachable) throw err
        this.#firstSeen.set(orphanKey(object), this.#deps.now())
        if (object.kind === 'network' && faultOf(err) === 'busy') this.#refused.add(orphanKey(object))
        failures.push(err)
      }
    }
    this.#deps.onLeaked?.(this.#refused.size)
    if (failures.length > 0) throw failures[0]
  }

  async #collect(object: OwnedObject, signal: AbortSignal): Promise<void> {
    const { engine, gatewayId, onCollected, log, events } = this.#deps
    const self = gatewayId()
    switch (object.kind) {
      case 'container':
        await engine.removeContainer(object.id, signal)
        break
      case 'network':
        if (self !== undefined) await engine.disconnectNetwork(object.id, self, signal)
        await engine.removeNetwork(object.id, signal)
        break
      case 'volume':
        await engine.removeVolume(object.name, signal)
        break
      default:
        object.kind satisfies never
    }
    onCollected(object.kind)
    log.info({ kind: object.kind, object: object.name, owner: object.owner }, 'Collected orphan')
    const [namespace = '', name = ''] = (object.owner ?? '').split('/')
    const message = `no living function uses the ${object.kind} ${object.name}`
    await events.record({ namespace, name, uid: object.uid ?? '', type: 'Normal', reason: 'OrphanCollected', message })
  }

  /** One line when what is held back changes, so that a person learns of it once. */
  #tell(orphans: readonly Orphan[]): void {
    const held = orphans.filter(({ verdict }) => !TRANSIENT.has(verdict))
    const lines = held.map(({ object, verdict }) => `${object.kind} ${object.name}: ${verdict}`)
    const text = lines.join('\n')
    if (text !== '' && text !== this.#told) {
      this.#deps.log.warn({ count: lines.length, held: lines.slice(0, MAX_TOLD) }, 'Held back orphans')
    }
    this.#told = text
  }

  #nextLook(orphans: readonly Orphan[]): number {
    const { intervalMs, graceMs } = this.#deps
    if (orphans.some(({ verdict }) => verdict === 'next-pass')) return 1000
    return orphans.some(({ verdict }) => verdict === 'grace' || verdict === 'leaked')
      ? Math.min(intervalMs, graceMs)
      : intervalMs
  }
}
