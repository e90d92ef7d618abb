import { createHash } from 'node:crypto'
import { overlaps } from './subnets.ts'

/** What functions may reach of the host that they run on, and what they may not reach anywhere. */
export interface FirewallWish {
  /** Tells installations on one host apart. */
  readonly instance: string
  /** CIDR in which every replica has its address; `FUNCTIONS_SUBNET_POOL`. */
  readonly pool: string
  /** Whether functions may connect to the gateway. */
  readonly mayCallGateway: boolean
  readonly gatewayPort: number
  /** TCP ports of the host that open functions may connect to. */
  readonly hostPorts: readonly number[]
}

/** One rule: the arguments of iptables that stand after `-A CHAIN`. */
export type Rule = readonly string[]

/** A chain of ours. */
export interface Chain {
  readonly name: string
  /** How chains of others lead to it; absent: only our own do. */
  readonly entry?: Entry
  readonly rules: readonly Rule[]
}

export interface Entry {
  /** The chain of the kernel that leads to it, and before it those that it may be led to from instead. */
  readonly from: readonly string[]
  /** What is led to it; the arguments before `-j`. */
  readonly match: Rule
}

/** Starts of the names of bridges of networks that do not lead out; `none` may not even call the gateway. */
export const BRIDGE_PREFIX = { internal: 'dfi-', none: 'dfn-' } as const
/** That of the bridges which Docker names. */
const DOCKER_PREFIX = 'br-'

const LINK_LOCAL = '169.254.0.0/16'
const ANSWERS: Rule = ['-m', 'conntrack', '--ctstate', 'RELATED,ESTABLISHED', '-j', 'RETURN']

/**
 * The rules, in chains of their own, so that those of others are not touched. Their number does not depend on that of
 * functions: all replicas are on bridges and in the pool, and cannot pretend not to be, as they have no raw sockets. What
 * is let through goes on to the rules of the host. Pure.
 */
export function firewallChains(wish: FirewallWish): Chain[] {
  const id = createHash('sha256').update(wish.instance).digest('hex').slice(0, 8)
  const from = (kernel: readonly string[]) => ({ from: kernel, match: ['-s', wish.pool] })
  const [toHost, through] = [`DFAAS-${id}-HOST`, `DFAAS-${id}-OUT`]
  return [
    { name: `DFAAS-${id}-IN`, entry: from(['INPUT']), rules: bridgesTo(toHost) },
    // DOCKER-USER is Docker's own place for such rules; engines that do without have none.
    { name: `DFAAS-${id}-FW`, entry: from(['DOCKER-USER', 'FORWARD']), rules: bridgesTo(through) },
    { name: toHost, rules: rulesToHost(wish) },
    { name: through, rules: rulesThroughHost(wish) }
  ]
}

/**
 * The chains of other installations that refuse what the wish lets through, with their pools, in the rules of `INPUT` as
 * iptables lists them: each takes all of a pool for its own functions, and what one lets through goes on to the next. Pure.
 */
export function rivalChains(wish: FirewallWish, listed: readonly string[]): string[] {
  if (!wish.mayCallGateway && wish.hostPorts.length === 0) return []
  const own = firewallChains(wish).map(({ name }) => name)
  return listed.flatMap(rule => {
    const [, pool = '', chain = ''] = /^-A INPUT -s (\S+) -j (DFAAS-[0-9a-f]{8}-IN)$/.exec(rule) ?? []
    return chain !== '' && !own.includes(chain) && overlaps(pool, wish.pool) ? [`${chain} (${pool})`] : []
  })
}

/** Others in the world may have addresses that are in our pool. */
function bridgesTo(chain: string): Rule[] {
  return [DOCKER_PREFIX, BRIDGE_PREFIX.internal, BRIDGE_PREFIX.none].map(prefix => [...via(prefix), '-j', chain])
}

/** What comes to the host from a replica. */
function rulesToHost({ mayCallGateway, gatewayPort, hostPorts }: FirewallWish): Rule[] {
  return [
    ANSWERS,
    ...refuse(via(BRIDGE_PREFIX.none)),
    ...(mayCallGateway ? [tcp(gatewayPort)] : []),
    ...refuse(via(BRIDGE_PREFIX.internal)),
    ...hostPorts.map(tcp),
    ...dns([]),
    ...refuse([])
  ]
}

/** What goes from a replica to something else than the host. */
function rulesThroughHost({ pool }: FirewallWish): Rule[] {
  return [
    ANSWERS,
    // Within one network: the gateway, when it is in a container, and the function's own replicas.
    ['-m', 'physdev', '--physdev-is-bridged', '-j', 'RETURN'],
    ...refuse(via(BRIDGE_PREFIX.none)),
    ...refuse(via(BRIDGE_PREFIX.internal)),
    ...refuse(['-d', pool]),
    // Clouds have their resolvers beside the metadata: 169.254.169.253, or the very same address.
    ...dns(['-d', LINK_LOCAL]),
    ...refuse(['-d', LINK_LOCAL])
  ]
}

function via(prefix: string): Rule {
  return ['-i', `${prefix}+`]
}

/** At once, so that a function need not wait for a timeout. NOTE: the kernel sends few ICMP errors per second. */
function refuse(match: Rule): Rule[] {
  return [
    [...match, '-p', 'tcp', '-j', 'REJECT', '--reject-with', 'tcp-reset'],
    [...match, '-j', 'REJECT', '--reject-with', 'icmp-port-unreachable']
  ]
}

function tcp(port: number): Rule {
  return ['-p', 'tcp', '-m', 'tcp', '--dport', String(port), '-j', 'RETURN']
}

function dns(to: Rule): Rule[] {
  return ['udp', 'tcp'].map(protocol => [...to, '-p', protocol, '-m', protocol, '--dport', '53', '-j', 'RETURN'])
}
