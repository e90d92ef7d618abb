import { readFileSync } from 'node:fs'

/**
 * Names of the network interfaces of the network namespace that this process runs in, those among them that nothing is connected
 * to: Node's `networkInterfaces` leaves these out, and a bridge without containers is one. Empty where there is no `/proc/net/dev`.
 */
export function readInterfaceNames(read: (path: string) => string = path => readFileSync(path, 'utf8')): string[] {
  try {
    return [...read('/proc/net/dev').matchAll(/^\s*([^\s:|]+):/gm)].map(([, name = '']) => name)
  } catch {
    return [] // not Linux, or /proc is hidden: nothing is known of the host
  }
}
