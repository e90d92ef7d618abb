import type { Egress } from '../../api/isolation.ts'
import type { Container, ContainerSummary } from '../../src/engine/engine.ts'
import type { KeptVolume } from './kept-volumes.ts'
import type { LivenessResult } from './liveness.ts'

/**
 * Where a replica is in its life: `created` (never started), `starting` (runs, has not answered yet), `ready`, `unready`
 * (answered once, does not now, or is paused), `exiting` (asked to stop), `exited`, `removing` (the engine is at it).
 */
export type Phase = 'created' | 'starting' | 'ready' | 'unready' | 'exiting' | 'exited' | 'removing'

/** One container of a function, as it was found. */
export interface Replica {
  readonly container: Container
  readonly id: string
  readonly name: string
  readonly ordinal: number
  /** The spec hash on its label. */
  readonly hash: string
  /** The owner's uid on its label. */
  readonly uid: string
  readonly phase: Phase
  /** When it entered `ready`, `unready` or `starting`; milliseconds since the epoch. */
  readonly phaseSince: number
  readonly paused: boolean
  /** Address on the function's network; absent while it has none. */
  readonly address?: string
  /** Networks that it is attached to and that are not its function's: others can reach it past the gateway. */
  readonly foreignNetworks: readonly { readonly id: string; readonly name: string }[]
  /** Calls that the gateway has running in it. */
  readonly inflight: number
  /** When it left the endpoint table for good, if it did; milliseconds since the epoch. */
  readonly leavingSince?: number
  /** When it was asked to stop, if we did; milliseconds since the epoch. */
  readonly stoppingSince?: number
  /** Why it does not answer, if it does not. */
  readonly probeError?: string
  /** Whether it lives; absent where it is not asked. */
  readonly liveness?: LivenessResult
  /** The last lines it wrote; read only of those that exited. */
  readonly lastOutput?: string
  /** It ended while the engine was away, as containers do when the engine or its host starts anew. */
  readonly endedWithEngine?: true
  /** The older program made it; it serves until replicas of ours do. */
  readonly legacy?: true
}

/** The function's network, as it was found. */
export interface ObservedNetwork {
  readonly id: string
  /** Whether it is ours, by our instance's labels or by inheritance; one that is not is a stranger's and is left alone. */
  readonly ours: boolean
  /** The older program made it: it is used as it is, and makes room for one of ours when nothing is on it. */
  readonly legacy?: true
  /** How many replicas have an address in it. */
  readonly capacity: number
  readonly members: readonly string[]
  /** What its members may reach. */
  readonly egress: Egress
  /** CIDR; absent where it has none. */
  readonly subnet?: string
  /** Name of its bridge, where we chose it. */
  readonly bridge?: string
  /** The host routes addresses of it elsewhere. */
  readonly conflict?: ObservedConflict
}

export interface ObservedConflict {
  /** CIDR of the route. */
  readonly route: string
  /** It is as narrow as the network or more, so that what is meant for replicas goes there. */
  readonly takesTraffic: boolean
  /** Another subnet is free. */
  readonly canMove: boolean
}

/** All that the engine holds of one function. */
export interface Observed {
  /** By ordinal, then name. */
  readonly replicas: readonly Replica[]
  readonly network?: ObservedNetwork
  /** Names of the volumes with its secrets that are ours; absent when nobody looked, as it lives and names no secrets. */
  readonly volumes?: readonly string[]
  /** Of these, the ones that the engine refused to remove a moment ago; absent when there are none. */
  readonly keptVolumes?: readonly KeptVolume[]
  /** Containers that were to write such a volume, left behind; absent when there are none. */
  readonly loaders?: readonly Pick<ContainerSummary, 'id' | 'name' | 'secretsVolume'>[]
  /** Containers that carry our labels and are not of our making; absent when there are none. */
  readonly forged?: readonly ContainerSummary[]
}
