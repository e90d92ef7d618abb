import { type DebugBinding, debugPortsLabel } from '../../api/debug-ports.ts'
import { LEGACY_HASH } from '../../api/legacy.ts'
import { networkName } from '../../api/names.ts'
import { waitsFor } from '../../controllers/function/debug-ports.ts'
import type { Desired } from '../../controllers/function/desired.ts'
import type { Observed, Phase, Replica } from '../../controllers/function/observed.ts'
import type { Step } from '../../controllers/function/step.ts'
import { aReplica, NETWORK, NOW, POLICY } from './builders.ts'

const LIVELY = { isFailed: false, failures: 0 }
const HUNG = { isFailed: true, failures: 3 }

/** What may happen to a replica by itself or by hand between two passes. */
export type Fate = 'settle' | 'stay' | 'exit' | 'vanish' | 'busy' | 'idle' | 'hang'

/**
 * The engine as the planner sees it, as a value: steps change it as Docker would, and fates move it on. It refuses
 * what Docker refuses (a taken name), and it has a clock.
 */
export class World {
  now = NOW
  #replicas: Replica[] = []
  #network = false
  #ids = 0

  get observed(): Observed {
    const replicas = [...this.#replicas].sort((a, b) => a.ordinal - b.ordinal || (a.name < b.name ? -1 : 1))
    return { replicas, ...(this.#network ? { network: NETWORK } : {}) }
  }

  /** Puts a replica there that the planner did not ask for. */
  seed(replica: { ordinal: number; hash: string; uid: string; phase: Phase; name: string }): void {
    if (this.#replicas.some(r => r.name === replica.name)) return
    this.#network = true
    const legacy = replica.hash === LEGACY_HASH ? { legacy: true as const } : {}
    this.#replicas.push(aReplica({ ...replica, ...legacy, id: `seed-${this.#ids++}`, phaseSince: this.now }))
  }

  /** One engine call. Throws as Docker would when the name is taken or the replica is not there. */
  apply(step: Step, desired: Desired): void {
    switch (step.kind) {
      case 'create-network':
        this.#network = true
        return
      case 'remove-network':
        if (this.#replicas.length > 0) throw new Error('network has active endpoints')
        this.#network = false
        return
      case 'write-secrets':
      case 'remove-secrets':
      case 'remove-loader':
      case 'connect-gateway':
      case 'disconnect-gateway':
        return
      case 'create-replica':
        this.#create(step.name, step.ordinal, desired)
        return
      case 'start-replica':
        this.#refuseTakenPorts(step.id ?? step.name)
        this.#change(step.id ?? step.name, { phase: 'starting', phaseSince: this.now })
        return
      case 'connect-replica':
        this.#change(step.name, { address: '10.0.0.9' })
        return
      case 'disconnect-replica':
        this.#change(step.name, { foreignNetworks: [] })
        return
      case 'unpause-replica':
        this.#change(step.name, { paused: false })
        return
      case 'freeze-replica':
        this.#change(step.id, { paused: true, phase: 'unready' })
        return
      case 'thaw-replica':
        this.#change(step.id, { paused: false })
        return
      case 'rename-replica':
        this.#refuseTaken(step.to)
        this.#change(step.id, { name: step.to })
        return
      case 'stop-replica':
        this.#change(step.id, { phase: 'exiting', stoppingSince: this.now })
        return
      case 'kill-replica':
        this.#change(step.id, { phase: 'exited' })
        return
      case 'remove-replica':
        this.#replicas = this.#replicas.filter(r => r.id !== step.id)
        return
      default:
        step satisfies never
    }
  }

  /** Notes since when replicas leave, as the reconciler does. */
  leave(ids: ReadonlySet<string>): void {
    this.#replicas = this.#replicas.map(({ leavingSince, ...r }) =>
      ids.has(r.id) ? { ...r, leavingSince: leavingSince ?? this.now } : r
    )
  }

  /** Time goes on, and each replica meets its fate. */
  evolve(fates: readonly Fate[], elapsedMs: number): void {
    this.now += elapsedMs
    this.#replicas = this.#replicas.flatMap((replica, i) =>
      moved(replica, fates[i % fates.length] ?? 'settle', this.now)
    )
  }

  #create(name: string, ordinal: number, desired: Desired): void {
    this.#refuseTaken(name)
    if (!this.#network) throw new Error(`network ${networkName(POLICY.functionsNetwork, desired.owner)} not found`)
    const { hash, owner } = desired
    if (hash === undefined) throw new Error('created without a hash')
    const id = `made-${this.#ids++}`
    this.#replicas.push(
      aReplica({
        id,
        name,
        ordinal,
        hash,
        uid: owner.uid,
        phase: 'created',
        container: { createdAt: this.now, labels: debugPortsLabel(debugPortsOf(desired, ordinal)) },
        phaseSince: this.now
      })
    )
  }

  #refuseTaken(name: string): void {
    if (this.#replicas.some(r => r.name === name)) throw new Error(`name ${name} is in use`)
  }

  #refuseTakenPorts(nameOrId: string): void {
    const starting = this.#replicas.find(r => r.id === nameOrId || r.name === nameOrId)
    const holder = this.#replicas.find(other => waitsFor(starting, other))
    if (holder !== undefined) throw new Error(`${holder.name} has the ports of ${nameOrId}`)
  }

  #change(nameOrId: string, change: Partial<Replica>): void {
    const replica = this.#replicas.find(r => r.id === nameOrId || r.name === nameOrId)
    if (replica === undefined) throw new Error(`${nameOrId} not found`)
    const fresh = change.phase === 'starting' ? { address: '10.0.0.2', liveness: LIVELY } : {}
    this.#replicas = this.#replicas.map(r => (r === replica ? { ...r, ...fresh, ...change } : r))
  }
}

/** Each ordinal has the same ones for good. */
function debugPortsOf({ debug }: Desired, ordinal: number): DebugBinding[] {
  return debug === undefined
    ? []
    : [{ containerPort: 9229, address: debug.address, hostPort: debug.range.first + ordinal }]
}

function moved(replica: Replica, fate: Fate, now: number): Replica[] {
  switch (fate) {
    case 'stay':
      return [replica]
    case 'vanish':
      return []
    case 'exit':
      return [exited(replica, now)]
    case 'busy':
      return [{ ...replica, inflight: replica.phase === 'ready' && replica.leavingSince === undefined ? 1 : 0 }]
    case 'hang':
      return [replica.phase === 'ready' ? { ...replica, phase: 'unready', phaseSince: now, liveness: HUNG } : replica]
    case 'idle':
    case 'settle':
      return [settled({ ...replica, inflight: 0 }, now)]
    default:
      return fate satisfies never
  }
}

function settled(replica: Replica, now: number): Replica {
  if (replica.phase === 'exiting') return exited(replica, now)
  const isHung = replica.phase === 'unready' && replica.liveness?.isFailed === true
  if (replica.phase === 'starting' || (replica.phase === 'unready' && !isHung))
    return { ...replica, phase: 'ready', phaseSince: now }
  return replica
}

function exited({ address: _, ...replica }: Replica, now: number): Replica {
  if (replica.phase === 'created') return replica
  return {
    ...replica,
    phase: 'exited',
    phaseSince: now,
    container: { ...replica.container, finishedAt: now, exitCode: 1 }
  }
}
