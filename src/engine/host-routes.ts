/** A route of at most this prefix is a default route, also as one of the halves that VPN clients add (0.0.0.0/1, 128.0.0.0/1). */
const LONGEST_DEFAULT_PREFIX = 1

/** Where packets for some addresses go. */
export interface HostRoute {
  readonly cidr: string
  /** Such as `eth0`; `*` for a route that drops what it gets. */
  readonly interface: string
}

/**
 * The IPv4 routes of the network namespace that this process runs in, without default routes. Empty where
 * there is no `/proc/net/route`. In a container these are the container's own; there only the engine's refusal
 * (`subnet-overlap`) tells of the host's.
 */
export async function readHostRoutes(readFile: (path: string) => Promise<string>): Promise<HostRoute[]> {
  let table: string
  try {
    table = await readFile('/proc/net/route')
  } catch {
    return [] // not Linux, or /proc is hidden: what is not known cannot be avoided
  }
  return table
    .split('\n')
    .slice(1)
    .flatMap(line => parseRoute(line) ?? [])
}

/** One line: interface, destination, gateway, flags, refcount, use, metric, mask, …; addresses as little-endian hex. */
function parseRoute(line: string): HostRoute | undefined {
  const fields = line.trim().split(/\s+/)
  const destination = parseHex(fields[1])
  const mask = parseHex(fields[7])
  if (destination === undefined || mask === undefined) return undefined
  const prefix = Math.clz32(~mask.reduce((bits, octet) => (bits << 8) | octet, 0))
  if (prefix <= LONGEST_DEFAULT_PREFIX) return undefined
  return { cidr: `${destination.join('.')}/${prefix}`, interface: fields[0] ?? '' }
}

/** Octets in network order. */
function parseHex(text: string | undefined): number[] | undefined {
  if (text === undefined || !/^[0-9A-Fa-f]{8}$/.test(text)) return undefined
  return [...Buffer.from(text, 'hex')].reverse()
}
