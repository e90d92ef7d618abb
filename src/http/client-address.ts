import type { IncomingMessage } from 'node:http'
import ipaddr from 'ipaddr.js'
import { peerAddressOf } from '../peer.ts'

type Address = ipaddr.IPv4 | ipaddr.IPv6

/** Longer chains are no chains of proxies: what is left of the last entries is not read. */
const MAX_HOPS = 32

/** So many peers are known by name. */
const MAX_NAMES = 1000

type Peer = Pick<IncomingMessage, 'socket'>
type Request = Pick<IncomingMessage, 'socket' | 'headers'>

/** What is believed of where a request comes from. */
export interface Origins {
  /** Whether the peer of the connection is one of the trusted proxies. */
  readonly isTrusted: (req: Peer) => boolean
  /** IP address of the client, without an IPv6 zone; `unknown` when its connection is gone. */
  readonly addressOf: (req: Request) => string
  /** That of the peer of the connection, and of each before it on the way from the client, which is the last; empty when it is gone. */
  readonly wayOf: (req: Request) => string[]
}

/**
 * Where requests come from, if the proxies of `TRUST_PROXY` (CIDRs) are believed: the peer of the connection; when that is
 * one of them, the rightmost address of `X-Forwarded-For` that is none, as everything left of it may be the client's
 * invention. An entry that is no address ends the chain, and the one to its right counts.
 */
export function createOrigins(cidrs: readonly string[]): Origins {
  const networks = cidrs.map(cidr => ipaddr.parseCIDR(cidr))
  const isInside = (address: Address | undefined) =>
    address !== undefined &&
    networks.some(([base, prefix]) => base.kind() === address.kind() && address.match([base, prefix] as never))
  const nameOf = createNames()
  const wayOf = (req: Request): string[] => {
    const address = peerAddressOf(req)
    if (networks.length === 0) {
      const name = nameOf(address)
      return name === undefined ? [] : [name]
    }
    const peer = parseAddress(address)
    if (peer === undefined) return []
    const way = [peer.toString()]
    let client = peer
    for (const hop of hopsOf(req.headers['x-forwarded-for'])) {
      if (!isInside(client)) break
      const before = parseAddress(withoutPort(hop))
      if (before === undefined) break
      client = before
      way.push(client.toString())
    }
    return way
  }
  return {
    isTrusted: req => networks.length > 0 && isInside(parseAddress(peerAddressOf(req))),
    addressOf: req => wayOf(req).at(-1) ?? 'unknown',
    wayOf
  }
}

/** The entries, the nearest first. NOTE: Node joins repeated headers with a comma, in their order. */
function hopsOf(header: string | string[] | undefined): string[] {
  const entries = header === undefined ? [] : String(header).split(',')
  return entries
    .slice(-MAX_HOPS)
    .map(entry => entry.trim())
    .reverse()
}

/** No address is longer, and ipaddr.js takes long over what is. */
const MAX_ADDRESS_LENGTH = 45

/** What peers are called, by what the socket calls them: each call asks, and there are few of them. */
function createNames(): (address: string | undefined) => string | undefined {
  const known = new Map<string, string>()
  return address => {
    if (address === undefined) return undefined
    const name = known.get(address) ?? parseAddress(address)?.toString()
    if (known.size >= MAX_NAMES) known.clear()
    if (name !== undefined) known.set(address, name)
    return name
  }
}

/** The address, IPv4 also when it came as an IPv6 one. */
function parseAddress(text: string | undefined): Address | undefined {
  const bare = text?.replace(/%.*$/, '') ?? ''
  if (bare.length > MAX_ADDRESS_LENGTH) return undefined
  // NOTE: ipaddr.js takes "1", "0x7f.1" and the like for addresses as well.
  if (!/^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*)$/.test(bare) || !ipaddr.isValid(bare))
    return undefined
  return ipaddr.process(bare)
}

/** Some proxies write `1.2.3.4:5678` and `[::1]:5678`. */
function withoutPort(text: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(text)
  if (bracketed !== null) return bracketed[1] ?? ''
  return /^\d{1,3}(?:\.\d{1,3}){3}:\d+$/.test(text) ? text.slice(0, text.indexOf(':')) : text
}
