import { networkInterfaces } from 'node:os'
import ipaddr from 'ipaddr.js'

type Interfaces = ReturnType<typeof networkInterfaces>

/**
 * Whether a connection from this address comes from a function: every replica has an address of the pool. So have the
 * gateway itself, when it is in a container, and the host on each network of functions, and neither is a function.
 */
export function createFunctionPeers(
  pool: string,
  interfaces: () => Interfaces = networkInterfaces
): (address: string | undefined) => boolean {
  const [base, prefix] = ipaddr.IPv4.parseCIDR(pool)
  return address => {
    if (address === undefined || !ipaddr.isValid(address)) return false
    const peer = ipaddr.process(address)
    if (peer.kind() !== 'ipv4' || !peer.match([base, prefix] as never)) return false
    return !isHost(peer.toString(), interfaces())
  }
}

/** Whether it is our own address, or the first one of a network that we are on, which Docker gives to the host. */
function isHost(address: string, interfaces: Interfaces): boolean {
  const own = Object.values(interfaces).flatMap(list => list ?? [])
  return own.some(({ family, address: mine, cidr }) => {
    if (family !== 'IPv4') return false
    return mine === address || (cidr !== null && firstOf(cidr) === address)
  })
}

function firstOf(cidr: string): string {
  const octets = ipaddr.IPv4.networkAddressFromCIDR(cidr).octets
  return [...octets.slice(0, 3), (octets[3] ?? 0) + 1].join('.')
}
