import ipaddr from 'ipaddr.js'
import { LABEL } from './labels.ts'
import type { StringMap } from './meta.ts'

/** The ports of a container on which debuggers listen, and whose they are. */
export const DEBUGGERS: ReadonlyMap<number, string> = new Map([
  [40_000, 'Delve'],
  [5678, 'debugpy'],
  [9229, 'Node inspector']
])

/** A debug port of a container on an address of the engine's host. */
export interface DebugBinding {
  readonly containerPort: number
  readonly address: string
  readonly hostPort: number
}

/** Ports of the host, both ends included. */
export interface PortRange {
  readonly first: number
  readonly last: number
}

/** The label of a container that has these ports, such as `127.0.0.1 40000:20001 5678:20002 9229:20003`; none without ports. */
export function debugPortsLabel(bindings: readonly DebugBinding[]): Record<string, string> {
  const [first] = bindings
  if (first === undefined) return {}
  const pairs = bindings.map(({ containerPort, hostPort }) => `${containerPort}:${hostPort}`)
  return { [LABEL.debugPorts]: [first.address, ...pairs].join(' ') }
}

/**
 * The ports that a container has whenever it runs, as its label says; none when it has no such label or one that is not
 * of our making. A container of an earlier release has none, and a port that the engine picked.
 */
export function parseDebugPorts(labels: StringMap): DebugBinding[] {
  const [address = '', ...pairs] = (labels[LABEL.debugPorts] ?? '').split(' ')
  const bindings = pairs.map(pair => {
    const [, containerPort, hostPort] = /^(\d{1,5}):(\d{1,5})$/.exec(pair) ?? []
    return { address, containerPort: Number(containerPort), hostPort: Number(hostPort) }
  })
  return bindings.every(({ containerPort }) => DEBUGGERS.has(containerPort)) ? bindings : []
}

/** Whether only the host itself reaches the address. */
export function isLoopback(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'loopback'
}

/** Whether it stands for every address of the host. */
export function isWildcard(address: string): boolean {
  return address === '' || (ipaddr.isValid(address) && ipaddr.process(address).range() === 'unspecified')
}

/** As it stands in a URL: `127.0.0.1:9229`, `[::1]:9229`. */
export function formatHostPort({ address, hostPort }: Pick<DebugBinding, 'address' | 'hostPort'>): string {
  return address.includes(':') ? `[${address}]:${hostPort}` : `${address}:${hostPort}`
}
