import type { ActiveCalls, Placed } from './active-calls.ts'
import type { CallLimitsTable } from './call-limits.ts'
import type { ReplicaEnd } from './endpoints.ts'
import type { Pace } from './pace.ts'
import type { PassiveHealth } from './passive-health.ts'
import type { EndpointPools } from './pools.ts'
import type { ProxyDeps } from './proxy-deps.ts'
import type { Shedder } from './shedder.ts'
import type { TickClock, Ticker, Timed } from './ticker.ts'
import type { UsedBuffers } from './used-buffers.ts'
import type { WaitingRoom } from './waiting-room.ts'
import type { Wakes } from './wakes.ts'

/** A call that has not ended, as the proxy sees it. */
export interface ActiveCall extends Timed, Placed {
  /** It has no end of its own, so that nobody waits for one. */
  readonly isSession: boolean
  /** Ends it now: with an answer if none has begun, else by cutting it off. */
  shutDown: () => void
  /** Whose ticks they are; the proxy's own when left out. */
  readonly ticker?: Ticker | undefined
  /** Of the token whose call it is. */
  readonly tokenId?: string | undefined
  /** The token is no longer good: a session ends, and an answer that is not over a moment after it has begun. */
  onTokenEnd: () => void
  /** The container of a replica is stopped now, or has died. Calls hear of it by their connections: they may still end in time. */
  onReplicaEnd?: (containerId: string, why: ReplicaEnd) => void
}

/** What waits until its time comes, or the proxy closes. */
export interface Waiting {
  readonly endWait: () => void
}

/** What all calls of a proxy share. */
export interface CallContext {
  readonly deps: ProxyDeps
  readonly limits: CallLimitsTable
  readonly health: PassiveHealth
  readonly shedder: Shedder
  readonly servedBy: string
  readonly room: WaitingRoom
  readonly wakes: Wakes
  readonly pools: EndpointPools
  readonly used: UsedBuffers
  /** Calls that wait for their next try. */
  readonly retrying: Set<Waiting>
  /** Calls that have not ended. */
  readonly active: ActiveCalls<ActiveCall>
  /** Calls that can be served at once are, and their connections end with them; nobody waits any more. */
  isClosing: boolean
  /** No call is taken any more. */
  isClosed: boolean
  readonly clock: TickClock
  /** Of calls whose function says nothing of its own. */
  readonly pace: Pace
}
