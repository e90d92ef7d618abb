import type { ReplicaEnd } from './endpoints.ts'
import type { EndpointPools } from './pools.ts'
import type { ProxyDeps } from './proxy-deps.ts'
import type { WaitingRoom } from './waiting-room.ts'

/** A call that has not ended, as the proxy sees it. */
export interface ActiveCall {
  /** It has no end of its own, so that nobody waits for one. */
  readonly isSession: boolean
  /** Ends it now: with an answer if none has begun, else by cutting it off. */
  shutDown: () => void
  /** Ends it if no byte moved for too long, or too few did; called in every tick. */
  checkStall: () => void
  /** The container of a replica is stopped now, or has died. Calls hear of it by their connections: they may still end in time. */
  onReplicaEnd?: (containerId: string, why: ReplicaEnd) => void
}

/** What all calls of a proxy share. */
export interface CallContext {
  readonly deps: ProxyDeps
  readonly maxPerEndpoint: number
  readonly servedBy: string
  readonly room: WaitingRoom
  readonly pools: EndpointPools
  /** Calls that have not ended. */
  readonly active: Set<ActiveCall>
  /** Calls that can be served at once are, and their connections end with them; nobody waits any more. */
  isClosing: boolean
  /** No call is taken any more. */
  isClosed: boolean
  /** Time as calls count it. */
  tick: number
  readonly pace: Pace
}

/** How long calls may take for what, in ticks. */
export interface Pace {
  readonly tickMs: number
  /** So many without a byte end a call. */
  readonly exec: number
  /** So many in a row in which the client sends next to nothing of a body that is waited for end it too. */
  readonly read: number
}

/**
 * The shorter time has at least so many ticks. One clock for all calls and not a timer for each, as a process that stood still
 * skips ticks: answers that came meanwhile are read before anybody's time is over. It is no faster (hack/bench/data-plane.ts).
 */
const TICKS = 10

/** The pace for these times. */
export function paceOf({ execMs, readMs }: { readonly execMs: number; readonly readMs: number }): Pace {
  const tickMs = Math.min(execMs, readMs) / TICKS
  return { tickMs, exec: Math.round(execMs / tickMs), read: Math.round(readMs / tickMs) }
}
