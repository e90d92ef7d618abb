import { createHash } from 'node:crypto'
import { isIPv4 } from 'node:net'

/** Addresses of a subnet that no replica can have: network, broadcast, the bridge's gateway, and the controller. */
const RESERVED_ADDRESSES = 4
/** The smallest subnet that a function network gets, for 12 replicas. */
const LONGEST_PREFIX = 28

/** First and last address, inclusive, as unsigned 32-bit numbers. */
interface Range {
  readonly first: number
  readonly last: number
}

interface Block extends Range {
  readonly prefix: number
}

export interface SubnetRequest {
  /** CIDR that subnets are cut out of. */
  readonly pool: string
  /** Length of the wanted subnet's prefix. */
  readonly prefix: number
  /** CIDRs of every network and host route, of any size; what is not IPv4 is ignored. */
  readonly taken: readonly string[]
  /** Whose subnet it is: equal names start to look at the same place. */
  readonly name: string
  /** CIDRs that are used only when nothing else is left, such as those that were freed a moment ago. */
  readonly avoid: ReadonlySet<string>
}

/**
 * A free subnet of the pool: the first one, from a place given by the hash of the name, that overlaps nothing taken.
 * Undefined when there is none, or when pool or prefix make no sense.
 */
export function pickSubnet({ pool, prefix, taken, name, avoid }: SubnetRequest): string | undefined {
  const block = parseBlock(pool)
  if (block === undefined || !Number.isInteger(prefix) || prefix < block.prefix || prefix > 32) return undefined
  const size = 2 ** (32 - prefix)
  const slots = 2 ** (prefix - block.prefix)
  const start = hashOf(name) % slots
  const find = (blockers: readonly Range[]): number | undefined =>
    findFree(block.first, size, start, slots, blockers) ?? findFree(block.first, size, 0, start, blockers)
  const first = (avoid.size === 0 ? undefined : find(merge([...taken, ...avoid]))) ?? find(merge(taken))
  return first === undefined ? undefined : `${format(first)}/${prefix}`
}

/** Prefix length of the smallest subnet, at most /28, that holds that many replicas beside what every network needs. */
export function prefixFor(replicas: number): number {
  return Math.min(LONGEST_PREFIX, Math.clz32(replicas + RESERVED_ADDRESSES - 1))
}

/** How many replicas a subnet holds; 0 for what is not an IPv4 subnet. */
export function capacityOf(cidr: string): number {
  const block = parseBlock(cidr)
  return block === undefined ? 0 : Math.max(0, block.last - block.first + 1 - RESERVED_ADDRESSES)
}

/** Whether two IPv4 subnets share an address; false when either is none. */
export function overlaps(a: string, b: string): boolean {
  const [x, y] = [parseBlock(a), parseBlock(b)]
  return x !== undefined && y !== undefined && x.first <= y.last && y.first <= x.last
}

function parseBlock(cidr: string): Block | undefined {
  const slash = cidr.indexOf('/')
  const address = cidr.slice(0, slash)
  const digits = cidr.slice(slash + 1)
  if (slash < 0 || !/^[0-9]{1,2}$/.test(digits) || Number(digits) > 32 || !isIPv4(address)) return undefined
  const prefix = Number(digits)
  const size = 2 ** (32 - prefix)
  const value = address.split('.').reduce((bits, octet) => ((bits << 8) | Number(octet)) >>> 0, 0)
  const first = value - (value % size)
  return { first, last: first + size - 1, prefix }
}

function format(address: number): string {
  return [24, 16, 8, 0].map(shift => (address >>> shift) & 255).join('.')
}

function hashOf(name: string): number {
  return createHash('sha256').update(name).digest().readUInt32BE(0)
}

/** The ranges of the CIDRs in ascending order, those that overlap joined, so that one binary search finds a blocker. */
function merge(cidrs: readonly string[]): Range[] {
  const ranges = cidrs.flatMap(cidr => parseBlock(cidr) ?? []).sort((a, b) => a.first - b.first)
  const merged: Range[] = []
  for (const range of ranges) {
    const previous = merged.at(-1)
    if (previous === undefined || range.first > previous.last) merged.push(range)
    else if (range.last > previous.last) merged[merged.length - 1] = { first: previous.first, last: range.last }
  }
  return merged
}

/** First address of the first free slot in [from, to), jumping over each blocker at once. */
function findFree(
  base: number,
  size: number,
  from: number,
  to: number,
  blockers: readonly Range[]
): number | undefined {
  let slot = from
  while (slot < to) {
    const first = base + slot * size
    const blocker = blockers[firstEndingAtOrAfter(blockers, first)]
    if (blocker === undefined || blocker.first > first + size - 1) return first
    slot = Math.floor((blocker.last - base) / size) + 1
  }
  return undefined
}

/** Index of the first range whose last address is at or after `address`; the length when there is none. */
function firstEndingAtOrAfter(ranges: readonly Range[], address: number): number {
  let low = 0
  let high = ranges.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ranges[middle]?.last ?? 0) < address) low = middle + 1
    else high = middle
  }
  return low
}
