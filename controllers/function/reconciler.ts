import type { FunctionObject, FunctionStatus } from '../../api/function.ts'
import { keyOf } from '../../api/meta.ts'
import type { ContainerSummary } from '../../src/engine/engine.ts'
import type { EndpointTable } from '../../src/gateway/endpoints.ts'
import type { Logger } from '../../src/logging/logger.ts'
import type { Reconciler, Result } from '../../src/runtime/reconciler.ts'
import type { EventDraft, EventStore, FunctionStore } from '../../src/store/store.ts'
import type { Waker, Waking } from '../wake/waker.ts'
import { heldObject } from './held.ts'
import { heldStatus } from './held-status.ts'
import { happeningsOf, isConverged, repairsOf } from './history.ts'
import { leakedNetwork } from './leak.ts'
import { listReplicas } from './listed.ts'
import type { ObservedNetwork } from './observed.ts'
import { type Pass, type PassDeps, previewPass, runHeldPass, runPass } from './pass.ts'
import { profilesText } from './profiles.ts'
import { secretsText } from './secrets.ts'
import { sightOfPass } from './sight.ts'
import { statusOf } from './status.ts'
import { isRepair, type RepairKind } from './step.ts'
import { thawReplicas } from './thaw.ts'

export interface FunctionReconcilerDeps extends PassDeps {
  readonly functions: Pick<FunctionStore, 'get' | 'putStatus' | 'remove'>
  readonly events: Pick<EventStore, 'record'>
  readonly endpoints: Pick<EndpointTable, 'get' | 'put' | 'remove' | 'thaw' | 'drop' | 'end'>
  /** Says which functions calls wait for; nobody waits when left out. */
  readonly waker?: Pick<Waker, 'wakingOf' | 'met'>
  readonly log: Logger
  /** Told of every status, and of the end of a function: for metrics and lag. */
  readonly onStatus: (object: FunctionObject, converged: boolean) => void
  readonly onGone: (key: string) => void
  /** Told of what each pass left: its sight when all is at rest, else undefined. */
  readonly onLeft?: (key: string, sight: string | undefined) => void
  /** How long a deletion waits for a network that the engine does not let go, 60 s. */
  readonly leakGraceMs?: number
  /** Told of the id of such a network, and of the name of such a volume, which are left to the garbage collector. */
  readonly onLeaked?: (id: string) => void
  /** Told of how many replicas the function's network holds. */
  readonly onCapacity?: (key: string, capacity: number) => void
  /** Told of each thing that was undone, for a metric. */
  readonly onRepaired?: (kind: RepairKind) => void
  /** Told of each replica of the function that failed its liveness probe, for a metric. */
  readonly onUnhealthy?: (key: string) => void
}

/** A pass costs what the first calls after a thaw need: it comes after them. */
const THAWED_MS = 50

/** Keeps one function's containers, network, endpoints and status as its spec says. */
export class FunctionReconciler implements Reconciler {
  readonly name = 'function'
  readonly #deps: FunctionReconcilerDeps
  readonly #passDeps: PassDeps
  /** Names of forged containers and busy volumes that an event has told of. */
  readonly #told = new Set<string>()

  constructor(deps: FunctionReconcilerDeps) {
    this.#deps = deps
    this.#passDeps = { ...deps, isWanted: key => deps.waker?.wakingOf(key) !== undefined }
  }

  async reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const { functions, endpoints, waker, onGone } = this.#deps
    // Before the object is read: what is read thereafter says as much once it is written.
    const waking = waker?.wakingOf(key)
    if (waking !== undefined && (await this.#isThawing(waking, signal))) return { requeueAfter: THAWED_MS }
    const object = await functions.get(key)
    if (object === undefined) {
      // Whose row was lost serves on, until a person decides.
      const held = await heldObject(this.#deps, key, signal)
      if (held !== undefined) await runHeldPass(this.#deps, held, signal)
      else {
        endpoints.remove(key)
        onGone(key)
      }
      return {}
    }
    const pass = await runPass(this.#passDeps, object, { signal, isWanted: waking !== undefined })
    const leaked = leakedNetwork(object, pass, { now: this.#deps.now(), graceMs: this.#deps.leakGraceMs ?? 60_000 })
    if (leaked !== undefined) {
      await this.#tellLeaked(object, pass, leaked)
      await this.#finalize(object, pass, `nothing of it is left but network ${pass.desired.networkName}`)
      return {}
    }
    if (pass.finished) await this.#finalize(object, pass, 'nothing of it is left')
    else await this.#report(object, pass)
    if (pass.failure !== undefined) throw pass.failure
    if (waking !== undefined && !pass.interrupted) await waker?.met(waking)
    return pass.requeueAfter === undefined ? {} : { requeueAfter: pass.requeueAfter }
  }

  /** Whether frozen replicas were thawed now, or a moment ago and answer the calls that waited. */
  async #isThawing({ key, isUrgent }: Waking, signal: AbortSignal): Promise<boolean> {
    const thawing = await thawReplicas(this.#deps, key, signal)
    if (thawing !== 'none') return thawing === 'thawed'
    return isUrgent && (this.#deps.endpoints.get(key)?.endpoints.length ?? 0) > 0
  }

  /** The steps that a pass would do for this object now, as text; does none of them. */
  preview(object: FunctionObject, signal: AbortSignal): Promise<string[]> {
    return previewPass(this.#deps, object, signal)
  }

  /** The containers that the engine lists for the object now. */
  async containers(object: FunctionObject, signal: AbortSignal): Promise<readonly ContainerSummary[]> {
    const heir = this.#deps.heirOf?.(object)
    return (await listReplicas(this.#deps, keyOf(object.metadata), { heir, signal })).replicas
  }

  async #finalize(object: FunctionObject, pass: Pass, message: string): Promise<void> {
    const { functions, endpoints, departures, onGone, onLeaked } = this.#deps
    const key = keyOf(object.metadata)
    await this.#tellBusy(object, pass, 0)
    for (const name of pass.observed?.volumes ?? []) onLeaked?.(name)
    departures.volumes.forget(key)
    await functions.remove(key, object.metadata.uid)
    // One that was made again meanwhile has taken the place of the old one already.
    if ((await functions.get(key)) === undefined) {
      endpoints.remove(key)
      onGone(key)
    }
    this.#deps.log.info({ key, uid: object.metadata.uid }, 'Removed function')
    await this.#deps.events.record({
      ...subjectOf(object),
      type: 'Normal',
      reason: 'Deleted',
      message
    })
  }

  async #tellLeaked(object: FunctionObject, { desired }: Pass, { id, members }: ObservedNetwork): Promise<void> {
    const { log, events, onLeaked } = this.#deps
    const { key, networkName: network } = desired
    onLeaked?.(id)
    log.warn({ key, network, networkId: id, members }, 'Left network that engine keeps')
    const message = `network ${network} has endpoints and cannot be removed; it and its addresses are out of use until it can`
    await events.record({ ...subjectOf(object), type: 'Warning', reason: 'NetworkLeaked', message })
  }

  async #report(object: FunctionObject, pass: Pass): Promise<void> {
    if (pass.interrupted) return
    const { functions, events, onStatus, onLeft, onRepaired, onCapacity, now } = this.#deps
    const { metadata } = object
    const { network } = pass.observed ?? {}
    if (network?.ours === true) onCapacity?.(keyOf(metadata), network.capacity)
    for (const { kind } of pass.done.filter(isRepair)) onRepaired?.(kind)
    const result = { ...pass, object, now: now() }
    const status = pass.held === undefined ? statusOf(result) : heldStatus(object, pass.held, result)
    const written = await functions.putStatus(keyOf(metadata), metadata.uid, status)
    if (written === undefined) return
    for (const happening of [...repairsOf(pass.done), ...happeningsOf(object.status, status)]) {
      await events.record({ ...subjectOf(object), ...happening })
      if (happening.reason === 'LivenessFailed') this.#deps.onUnhealthy?.(keyOf(metadata))
      if (happening.reason === 'DebugPortsBound')
        this.#deps.log.info({ key: keyOf(metadata), attach: happening.message }, 'Bound debug ports')
    }
    const forged = pass.observed?.forged ?? []
    await this.#tellForged(
      object,
      forged.map(({ name }) => name)
    )
    await this.#tellBusy(object, pass, 1)
    onStatus(written, isConverged(status.conditions))
    onLeft?.(keyOf(metadata), this.#restOf(object, pass, status))
  }

  /** What the pass saw, when it left the function as wanted with nothing to wait for; else undefined. */
  #restOf({ metadata, scale }: FunctionObject, pass: Pass, status: FunctionStatus): string | undefined {
    const { failure, held, observed, requeueAfter } = pass
    if (failure !== undefined || held !== undefined || requeueAfter !== undefined) return undefined
    if (observed === undefined || !isConverged(status.conditions)) return undefined
    // A record is forgotten when its replica has run well for a while, which no list shows.
    if (status.restarts.length + status.outdatedRestarts.length > 0) return undefined
    const { secrets, missingSecrets: missing } = pass.desired
    const known = secretsText(metadata.uid, { found: secrets?.found ?? [], missing })
    const { profile, missingProfiles } = pass.desired
    const profiles = profilesText({ spec: profile, missing: missingProfiles })
    const wish = { ...metadata, secrets: known, profiles, frozenSince: scale?.frozenSince }
    return sightOfPass(wish, observed, this.#deps.gatewayId())
  }

  /** Of volumes that the engine refused to remove more often than so; the first time may be chance. */
  async #tellBusy(object: FunctionObject, { observed }: Pass, refusals: number): Promise<void> {
    const kept = observed?.keptVolumes?.filter(volume => volume.refusals > refusals) ?? []
    for (const { name } of kept.filter(each => !this.#told.has(`volume ${each.name}`))) {
      this.#told.add(`volume ${name}`)
      const message = `volume ${name} with secrets that are not used any more cannot be removed: remove the container that has it mounted`
      this.#deps.log.warn({ key: keyOf(object.metadata), volume: name }, 'Left volume that engine keeps')
      await this.#deps.events.record({ ...subjectOf(object), type: 'Warning', reason: 'VolumeBusy', message })
    }
  }

  async #tellForged(object: FunctionObject, names: readonly string[]): Promise<void> {
    for (const name of names.filter(each => !this.#told.has(each))) {
      this.#told.add(name)
      const message = `container ${name} carries our labels and is not of our making: it is left alone, and gets no calls`
      this.#deps.log.warn({ key: keyOf(object.metadata), container: name }, 'Found forged container')
      await this.#deps.events.record({ ...subjectOf(object), type: 'Warning', reason: 'ForgedObject', message })
    }
  }
}

function subjectOf({ metadata }: FunctionObject): Pick<EventDraft, 'namespace' | 'name' | 'uid'> {
  return { namespace: metadata.namespace, name: metadata.name, uid: metadata.uid }
}
