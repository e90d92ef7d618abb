import { type DebugBinding, isWildcard, parseDebugPorts } from '../../api/debug-ports.ts'
import type { FunctionObject } from '../../api/function.ts'
import { faultOfMessage } from '../../src/engine/engine-fault.ts'
import type { DebugWish, Desired } from './desired.ts'
import type { Observed, Replica } from './observed.ts'

/** What is known of the ports of the function: Docker's word first, then that of the last status. Pure. */
export function knownPorts({ status }: FunctionObject, { replicas }: Observed): Pick<DebugWish, 'held' | 'refused'> {
  const held = replicas.flatMap(({ ordinal, container }) =>
    parseDebugPorts(container.labels).map(binding => ({ ordinal, ...binding }))
  )
  const seen = new Set(held.map(({ ordinal }) => ordinal))
  return {
    held: [...held, ...status.debugPorts.filter(({ ordinal }) => !seen.has(ordinal))],
    refused: replicas.flatMap(({ container }) => refusedPorts(container.error, parseDebugPorts(container.labels)))
  }
}

/** The ports of these that the engine's words name as taken; all of them when it names none, and none when it says something else. */
export function refusedPorts(message: string, bindings: readonly DebugBinding[]): number[] {
  if (faultOfMessage(message) !== 'port-in-use') return []
  const ports = bindings.map(({ hostPort }) => hostPort)
  const named = ports.filter(port => new RegExp(`:${port}(?!\\d)`).test(message))
  return named.length > 0 ? named : ports
}

/** Whether the replica's ports are where they are to be; one of an earlier release keeps those that the engine picked. */
export function hasPortsInRange({ debug }: Desired, { container }: Replica): boolean {
  if (debug === undefined) return true
  const { first, last } = debug.range
  return parseDebugPorts(container.labels).every(({ hostPort }) => hostPort >= first && hostPort <= last)
}

/** Whether it cannot start before the other one has ended: that has a port which it needs. */
export function waitsFor(replica: Replica | undefined, other: Replica): boolean {
  if (replica === undefined || replica.id === other.id || !isHolder(other)) return false
  const wanted = parseDebugPorts(replica.container.labels)
  return parseDebugPorts(other.container.labels).some(held => wanted.some(binding => clash(binding, held)))
}

/** Whether a new replica of the ordinal will have to wait for one that holds its ports. */
export function willWait(desired: Desired, replicas: readonly Replica[], ordinal: number): boolean {
  return replicas.some(replica => replica.ordinal === ordinal && isHolder(replica) && contends(desired, replica))
}

/** Whether it has, when it runs, ports that a new replica of its ordinal is to have. */
export function contends({ debug }: Desired, { container }: Replica): boolean {
  if (debug === undefined) return false
  const { address, range } = debug
  return parseDebugPorts(container.labels).some(
    ({ hostPort, ...held }) => hostPort >= range.first && hostPort <= range.last && meet(held.address, address)
  )
}

/** Those whose removal is under way may be so for good, so that nobody waits for them. */
function isHolder({ phase }: Replica): boolean {
  return phase === 'starting' || phase === 'ready' || phase === 'unready' || phase === 'exiting'
}

function clash(a: DebugBinding, b: DebugBinding): boolean {
  return a.hostPort === b.hostPort && meet(a.address, b.address)
}

function meet(a: string, b: string): boolean {
  return a === b || isWildcard(a) || isWildcard(b)
}
