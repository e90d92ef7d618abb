import ipaddr from 'ipaddr.js'

/** Whom callbacks may be sent to, beside everybody on the Internet. */
export interface CallbackPolicy {
  /** Networks, as CIDRs. */
  readonly networks: readonly string[]
  /** Names of hosts; `*.` in front of one stands for all that are below it. */
  readonly hosts: readonly string[]
  /** Addresses and networks that are ours at this moment, wherever they lie. */
  readonly own: () => readonly string[]
}

/** Where clouds tell a machine its secrets, at an address that looks like any other. Source: Azure's WireServer. */
const METADATA = ['168.63.129.16/32']

/** All of IPv6 that is given to anybody to be reached at. Source: IANA, IPv6 Global Unicast Address Assignments. */
const GLOBAL_IPV6 = '2000::/3'

/** What of an allow-list is networks, and what names of hosts. */
export function parseAllowed(items: readonly string[]): Pick<CallbackPolicy, 'networks' | 'hosts'> {
  const isNetwork = (item: string) => ipaddr.isValidCIDR(item)
  return { networks: items.filter(isNetwork), hosts: items.filter(item => !isNetwork(item)) }
}

/** Whether the host is trusted by its name, whatever its addresses are. */
export function isTrustedHost(host: string, { hosts }: CallbackPolicy): boolean {
  const lower = host.toLowerCase()
  return hosts.some(item => (item.startsWith('*.') ? lower.endsWith(item.slice(1)) : lower === item))
}

/**
 * Whether a callback may go to this address: one of the Internet, or of an allowed network. Everything that is not plain unicast is
 * refused: loopback, private, link-local (with the metadata of clouds), shared, and what carries an IPv4 address in an IPv6 one.
 */
export function isAllowedAddress(address: string, { networks, own }: CallbackPolicy): boolean {
  if (!ipaddr.isValid(address)) return false
  const parsed = ipaddr.process(address)
  if (isWithin(parsed, networks)) return true
  if (parsed.kind() === 'ipv6' && !isWithin(parsed, [GLOBAL_IPV6])) return false
  return parsed.range() === 'unicast' && !isWithin(parsed, [...METADATA, ...own()])
}

function isWithin(address: ipaddr.IPv4 | ipaddr.IPv6, networks: readonly string[]): boolean {
  return networks.some(network => {
    const [base, prefix] = ipaddr.parseCIDR(network)
    return base.kind() === address.kind() && address.match(base, prefix)
  })
}

/** Why the URL is none that a callback can be sent to; undefined: it is one. */
export function faultOfCallbackUrl(text: string, policy: CallbackPolicy): string | undefined {
  if (text.length > MAX_URL) return `it is longer than ${MAX_URL} characters`
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !['http:', 'https:'].includes(url.protocol))
    return 'it must be an absolute http or https URL'
  const host = hostOf(url)
  if (!ipaddr.isValid(host) || isTrustedHost(host, policy) || isAllowedAddress(host, policy)) return undefined
  return `callbacks may not go to ${host}, unless the gateway runs with CALLBACK_ALLOWED=${host}`
}

const MAX_URL = 2048

/** The host without the brackets of IPv6. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '')
}
