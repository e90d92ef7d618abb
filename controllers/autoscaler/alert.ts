import type { AlertOutcome, AlertStatus } from '../../api/alert.ts'
import type { FunctionObject } from '../../api/function.ts'
import { parseKey } from '../../api/meta.ts'
import { scalingOf } from '../../api/scaling.ts'
import type { Logger } from '../../src/logging/logger.ts'
import type { EventStore, FunctionStore, ScaleDecision } from '../../src/store/store.ts'
import { QuotaNotes } from '../quota-notes.ts'
import { type BoundsPolicy, boundsOf } from './bounds.ts'
import type { Change } from './decide.ts'

export interface AlertDeps {
  readonly functions: Pick<FunctionStore, 'get' | 'putScale'>
  readonly events: Pick<EventStore, 'record'>
  readonly policy: BoundsPolicy
  /** Whether functions with a target of their own are scaled by it. */
  readonly isAutoscaling: boolean
  readonly capacityOf: (key: string) => number | undefined
  readonly isHeld: (key: string) => boolean
  /** Makes the function controller look at a function. */
  readonly enqueue: (key: string) => void
  readonly onDecision: (decision: Change) => void
  readonly log: Logger
}

/** Scales functions as alerts say, between the bounds of their labels: for whoever has rules of their own in Prometheus. */
export class AlertDesk {
  readonly #deps: AlertDeps
  readonly #notes: QuotaNotes

  constructor(deps: AlertDeps) {
    this.#deps = deps
    this.#notes = new QuotaNotes(deps)
  }

  /** Writes down what the alert asks for. One that fires holds against the autoscaler until it is over. */
  async act(key: string, status: AlertStatus): Promise<AlertOutcome> {
    const { functions, isHeld } = this.#deps
    const object = await functions.get(key)
    if (object === undefined || object.metadata.deletionRequestedAt !== undefined) return UNKNOWN
    if (isHeld(key)) return { outcome: 'left', replicas: object.spec.replicas, message: 'it waits for a person' }
    const seen: { before: FunctionObject; decision: AlertDecision; most: number }[] = []
    const written = await functions.putScale(key, object.metadata.uid, (before, most) => {
      const decision = decideAlert(before, status, this.#boundsOf(key, before))
      seen.push({ before, decision, most })
      return decision.kind === 'scale' ? { ...decision, replicas: Math.min(decision.replicas, most) } : undefined
    })
    const last = seen.at(-1)
    if (written === undefined || last === undefined) return UNKNOWN
    const { replicas } = written.spec
    if (last.decision.kind === 'leave') return { outcome: 'left', replicas, message: last.decision.why }
    const from = last.before.spec.replicas
    const wanted = last.decision.replicas
    const isLimited = wanted > last.most
    const limit = isLimited ? { message: `the quota of its namespace leaves it ${replicas} of ${wanted}` } : {}
    if (isLimited) await this.#notes.reached(key, written.metadata.uid, { wanted, left: replicas })
    else this.#notes.forget(key)
    if (from === replicas) return { outcome: 'unchanged', replicas, ...limit }
    await this.#tell(key, written, from, status)
    return { outcome: 'scaled', replicas, ...limit }
  }

  #boundsOf(key: string, { metadata }: FunctionObject): AlertBounds {
    const { policy, capacityOf, isAutoscaling } = this.#deps
    return { ...boundsOf(metadata.labels, policy, capacityOf(key)), isAutoscaling }
  }

  async #tell(key: string, { metadata, spec }: FunctionObject, from: number, status: AlertStatus): Promise<void> {
    const { events, enqueue, onDecision, log } = this.#deps
    const direction = spec.replicas > from ? 'up' : 'down'
    const reason = status === 'firing' ? 'alert-firing' : 'alert-resolved'
    enqueue(key)
    onDecision({ kind: 'change', direction, reason, replicas: spec.replicas, isFrozen: false })
    log.info({ key, from, to: spec.replicas, direction, reason }, 'Scaled function')
    const message = `from ${from} to ${spec.replicas} replicas: ${reason}`
    try {
      await events.record({ ...parseKey(key), uid: metadata.uid, type: 'Normal', reason: 'Scaled', message })
    } catch (err) {
      // The write is committed: its answer must not become an error.
      log.warn({ err, key }, 'Lost event')
    }
  }
}

const UNKNOWN: AlertOutcome = { outcome: 'unknown', message: 'there is no such function' }

export interface AlertBounds {
  readonly min: number
  readonly max: number
  readonly isAutoscaling: boolean
}

export type AlertDecision =
  | ({ readonly kind: 'scale' } & ScaleDecision)
  | { readonly kind: 'leave'; readonly why: string }

/**
 * How large an alert makes a function: `factor` percent of `max` more while it fires, and `min` when it is over. Pure. Source:
 * OpenFaaS, `CalculateReplicas` of the gateway; but what sleeps is not woken as an alert is over.
 */
export function decideAlert(
  { metadata, spec, scale }: Pick<FunctionObject, 'metadata' | 'spec' | 'scale'>,
  status: AlertStatus,
  { min, max, isAutoscaling }: AlertBounds
): AlertDecision {
  const { target, factor } = scalingOf(metadata)
  if (scale?.pinned === true) return leave('a person has set its replicas, until the next deployment')
  if (target !== undefined && isAutoscaling) return leave('it scales by its own label com.openfaas.scale.target')
  if (status === 'resolved') {
    const isAsleep = spec.replicas === 0 || scale?.frozenSince !== undefined
    return isAsleep ? leave('it sleeps, as nobody calls it') : { kind: 'scale', replicas: min }
  }
  if (factor === 0) return leave('its label com.openfaas.scale.factor is 0')
  const more = spec.replicas + Math.ceil((max * factor) / 100)
  return { kind: 'scale', replicas: Math.min(max, Math.max(min, more)), scale: { alerted: true } }
}

function leave(why: string): AlertDecision {
  return { kind: 'leave', why }
}
