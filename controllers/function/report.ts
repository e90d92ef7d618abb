import type { FunctionObject, FunctionStatus } from '../../api/function.ts'
import { keyOf } from '../../api/meta.ts'
import type { EndpointTable } from '../../src/gateway/endpoints.ts'
import type { RepairKind } from '../../src/metrics/engine.ts'
import type { FunctionStore } from '../../src/store/store.ts'
import type { Departures } from './departures.ts'
import { heldStatus } from './held-status.ts'
import { happeningsOf, isConverged, repairsOf } from './history.ts'
import { leakedNetwork } from './leak.ts'
import { Notices, type NoticesDeps, subjectOf } from './notices.ts'
import type { Pass } from './pass.ts'
import { profilesText } from './profiles.ts'
import { secretsText } from './secrets.ts'
import { sightOfPass } from './sight.ts'
import { statusOf } from './status.ts'
import { isRepair } from './step.ts'

export interface ReportDeps extends NoticesDeps {
  readonly functions: Pick<FunctionStore, 'get' | 'putStatus' | 'remove'>
  readonly endpoints: Pick<EndpointTable, 'remove'>
  readonly departures: Pick<Departures, 'volumes'>
  readonly gatewayId: () => string | undefined
  readonly now: () => number
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

/** Writes down what passes leave: status and events, and the end of a function of which Docker holds nothing. */
export class Report {
  readonly #deps: ReportDeps
  readonly #notices: Notices

  constructor(deps: ReportDeps) {
    this.#deps = deps
    this.#notices = new Notices(deps)
  }

  /** Writes down what the pass did and saw; true when that ends the function though its last step failed. */
  async write(object: FunctionObject, pass: Pass): Promise<boolean> {
    const { now, leakGraceMs: graceMs = 60_000, onLeaked } = this.#deps
    const leaked = leakedNetwork(object, pass, { now: now(), graceMs })
    if (leaked !== undefined) {
      const { networkName } = pass.desired
      onLeaked?.(leaked.id)
      await this.#notices.leaked(object, networkName, leaked)
      await this.#end(object, pass, `nothing of it is left but network ${networkName}`)
    } else if (pass.finished) await this.#end(object, pass, 'nothing of it is left')
    else if (!pass.interrupted) await this.#report(object, pass)
    return leaked !== undefined
  }

  async #end(object: FunctionObject, { observed }: Pass, message: string): Promise<void> {
    const { functions, endpoints, departures, events, log, onGone, onLeaked } = this.#deps
    const { uid } = object.metadata
    const key = keyOf(object.metadata)
    await this.#notices.busy(object, observed, 0)
    for (const name of observed?.volumes ?? []) onLeaked?.(name)
    departures.volumes.forget(key)
    await functions.remove(key, uid)
    // One that was made again meanwhile has taken the place of the old one already.
    if ((await functions.get(key)) === undefined) {
      endpoints.remove(key)
      onGone(key)
    }
    log.info({ key, uid }, 'Removed function')
    await events.record({ ...subjectOf(object), type: 'Normal', reason: 'Deleted', message })
  }

  async #report(object: FunctionObject, pass: Pass): Promise<void> {
    const { functions, onStatus, onLeft, onRepaired, onCapacity, now } = this.#deps
    const { uid } = object.metadata
    const key = keyOf(object.metadata)
    const { network } = pass.observed ?? {}
    if (network?.ours === true) onCapacity?.(key, network.capacity)
    for (const { kind } of pass.done.filter(isRepair)) onRepaired?.(kind)
    const result = { ...pass, object, now: now() }
    const status = pass.held === undefined ? statusOf(result) : heldStatus(object, pass.held, result)
    const written = await functions.putStatus(key, uid, status)
    if (written === undefined) return
    await this.#tell(object, pass, status)
    onStatus(written, isConverged(status.conditions))
    onLeft?.(key, this.#restOf(object, pass, status))
  }

  /** What the status says that the one before did not, and what is not ours to mend. */
  async #tell(object: FunctionObject, { done, observed }: Pass, status: FunctionStatus): Promise<void> {
    const { events, log, onUnhealthy } = this.#deps
    const key = keyOf(object.metadata)
    for (const happening of [...repairsOf(done), ...happeningsOf(object.status, status)]) {
      await events.record({ ...subjectOf(object), ...happening })
      if (happening.reason === 'LivenessFailed') onUnhealthy?.(key)
      if (happening.reason === 'DebugPortsBound') log.info({ key, attach: happening.message }, 'Bound debug ports')
    }
    await this.#notices.forged(object, observed)
    await this.#notices.busy(object, observed, 1)
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
}
