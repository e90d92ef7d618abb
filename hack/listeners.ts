/** What listens on this machine, and the debug ports among it that others than the machine itself reach. */
import { existsSync, readFileSync } from 'node:fs'
import { DEBUGGERS, isLoopback, type PortRange } from '../api/debug-ports.ts'

export interface Listener {
  readonly address: string
  readonly port: number
}

/** State of a socket that listens. Source: Linux, `include/net/tcp_states.h`. */
const LISTEN = '0A'

/** The listeners of a table such as `/proc/net/tcp` or `/proc/net/tcp6`. */
export function parseListeners(table: string): Listener[] {
  return table
    .split('\n')
    .slice(1)
    .map(line => line.trim().split(/\s+/))
    .filter(([, , , state]) => state === LISTEN)
    .map(([, local = '']) => {
      const [address = '', port = ''] = local.split(':')
      return { address: toAddress(address), port: Number.parseInt(port, 16) }
    })
}

/** TCP listeners of this network namespace, as `ss -ltn` shows them; none where there is no `/proc/net`. */
export function readListeners(): Listener[] {
  const tables = ['/proc/net/tcp', '/proc/net/tcp6'].filter(path => existsSync(path))
  return tables.flatMap(path => parseListeners(readFileSync(path, 'utf8')))
}

/** Those on the port of a debugger, or on one of the range that is for them, that not only the host itself reaches. */
export function exposedDebugPorts(listeners: readonly Listener[], { first, last }: PortRange): Listener[] {
  return listeners
    .filter(({ port }) => DEBUGGERS.has(port) || (port >= first && port <= last))
    .filter(({ address }) => !isLoopback(address))
}

/** The kernel writes each word of 32 bits as a number of the machine, which is little-endian where we run. */
function toAddress(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap(word => (word.match(/../g) ?? []).reverse())
  if (bytes.length === 4) return bytes.map(byte => Number.parseInt(byte, 16)).join('.')
  const groups = Array.from({ length: 8 }, (_, i) => `${bytes[2 * i]}${bytes[2 * i + 1]}`)
  return groups.map(group => Number.parseInt(group, 16).toString(16)).join(':')
}
