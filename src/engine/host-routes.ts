/** A route of at most this prefix is a default route, also as one of the halves that VPN clients add (0.0.0.0/1, 128.0.0.0/1). */
const LONGEST_DEFAULT_PREFIX = 1

/**
 * CIDRs of the IPv4 routes of the network namespace that this process runs in, without default routes. Empty where
 * there is no `/proc/net/route`. In a container these are the container's own; there only the engine's refusal
 * (`subnet-overlap`) tells of the host's.
 */
export async function readHostRoutes(readFile: (path: string) => Promise<string>): Promise<string[]> {
  let table: string
  try {
    table = await readFile('/proc/net/route')
  } catch {
    return [] // not Linux, or /proc is hidden: what is not known cannot be avoided
  }
  const cidrs = table
    .split('\n')
    .slice(1)
    .flatMap(line => parseRoute(line) ?? [])
  return [...new Set(cidrs)]
}

/** One line: interface, destination, gateway, flags, refcount, use, metric, mask, …; addresses as little-endian hex. */
function parseRoute(line: string): string | undefined {
  const fields = line.trim().split(/\s+/)
  const destination = parseHex(fields[1])
  const mask = parseHex(fields[7])
  if (destination === undefined || mask === undefined) return undefined
  const prefix = Math.clz32(~mask.reduce((bits, octet) => (bits << 8) | octet, 0))
  return prefix <= LONGEST_DEFAULT_PREFIX ? undefined : `${destination.join('.')}/${prefix}`
}

/** Octets in network order. */
function parseHex(text: string | undefined): number[] | undefined {
  if (text === undefined || !/^[0-9A-Fa-f]{8}$/.test(text)) return undefined
  return [...Buffer.from(text, 'hex')].reverse()
}
