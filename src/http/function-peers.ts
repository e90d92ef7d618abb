import { networkInterfaces } from 'node:os'
import ipaddr from 'ipaddr.js'

type Interfaces = ReturnType<typeof networkInterfaces>
/** So many are kept. */
const MAX_STRANGERS = 1000

type Network = [ipaddr.IPv4, number]

/**
 * Whether a connection from this address comes from a function: it is of the pool, and on a network that we are on, too, as
 * the host is on all of them, and a gateway in a container on those of its functions. The gateway itself and the host have
 * addresses there as well, and are no functions; what else in the world has an address that is in the pool is none either.
 */
export function createFunctionPeers(
  pool: string,
  interfaces: () => Interfaces = networkInterfaces
): (address: string | undefined) => boolean {
  const whole = ipaddr.IPv4.parseCIDR(pool)
  /** Addresses that are not of the pool: those of most callers, each of which asks often. */
  const strangers = new Set<string>()
  return address => {
    if (address === undefined || strangers.has(address)) return false
    const peer = ipaddr.isValid(address) ? ipaddr.process(address) : undefined
    if (!(peer instanceof ipaddr.IPv4) || !isIn(peer, whole)) {
      if (strangers.size >= MAX_STRANGERS) strangers.clear()
      strangers.add(address)
      return false
    }
    const own = Object.values(interfaces()).flatMap(list => list ?? [])
    const shared = own.flatMap(({ family, address: mine, cidr }) => {
      return family === 'IPv4' && cidr !== null ? [{ mine, network: ipaddr.IPv4.parseCIDR(cidr) }] : []
    })
    const near = shared.filter(({ network }) => isIn(peer, network))
    return near.length > 0 && !near.some(({ mine, network }) => [mine, hostOf(network)].includes(peer.toString()))
  }
}

function isIn(address: ipaddr.IPv4, network: Network): boolean {
  return address.match(network)
}

/** The first address of a network, which Docker gives to the host. */
function hostOf([base, prefix]: Network): string {
  const { octets } = ipaddr.IPv4.networkAddressFromCIDR(`${base.toString()}/${prefix}`)
  return [...octets.slice(0, 3), (octets[3] ?? 0) + 1].join('.')
}
