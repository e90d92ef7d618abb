import type { Condition } from '../../api/condition.ts'
import { DEBUGGERS, formatHostPort, isLoopback, isWildcard } from '../../api/debug-ports.ts'
import type { DebugPort } from '../../api/function.ts'
import type { Desired } from './desired.ts'
import type { Observed } from './observed.ts'

/** The debug ports that are bound now, of whichever revision. Pure. */
export function boundDebugPorts({ replicas }: Observed): DebugPort[] {
  return replicas.flatMap(({ ordinal, container }) =>
    container.ports
      .filter(({ containerPort, hostPort }) => DEBUGGERS.has(containerPort) && hostPort !== 0)
      .map(({ containerPort, address, hostPort }) => ({ ordinal, containerPort, address, hostPort }))
  )
}

/** `Exposed` of a function whose debug ports are, or are to be, where others than the engine's host reach them. Pure. */
export function exposure(
  { debug }: Pick<Desired, 'debug'>,
  bound: readonly DebugPort[]
): Omit<Condition, 'lastTransitionTime'>[] {
  const addresses = [...bound.map(({ address }) => address), ...(debug === undefined ? [] : [debug.address])]
  const open = addresses.find(isWildcard) ?? addresses.find(address => !isLoopback(address))
  if (open === undefined) return []
  const where = isWildcard(open) ? `every address of the engine's host (${open || '0.0.0.0'})` : open
  const message =
    `debug ports are bound on ${where}: who reaches them runs code in the function, without a password; ` +
    'set DEBUG_BIND_ADDRESS=127.0.0.1 and use an SSH tunnel, or turn debug off'
  return [{ type: 'Exposed', status: 'True', reason: 'DebugPortsExposed', message }]
}

/** How to attach to the replicas of these ports: `replica 0: Delve at 127.0.0.1:20001, …`. Pure. */
export function attachText(ports: readonly DebugPort[]): string {
  const byOrdinal = Map.groupBy(ports, ({ ordinal }) => ordinal)
  const texts = [...byOrdinal].map(([ordinal, own]) => {
    const places = own.map(port => `${DEBUGGERS.get(port.containerPort)} at ${formatHostPort(port)}`)
    return `replica ${ordinal}: ${places.join(', ')}`
  })
  return texts.join('; ')
}

/** Those of `after` that were not there before. Pure. */
export function newDebugPorts(before: readonly DebugPort[], after: readonly DebugPort[]): DebugPort[] {
  const known = new Set(before.map(textOf))
  return after.filter(port => !known.has(textOf(port)))
}

function textOf({ ordinal, containerPort, ...place }: DebugPort): string {
  return `${ordinal} ${containerPort} ${formatHostPort(place)}`
}
