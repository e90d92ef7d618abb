import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import * as z from 'zod'
import type { PortRange } from '../../api/debug-ports.ts'
import { formatDuration, parseDuration } from '../../api/duration.ts'
import { parseCpu, parseMemory } from '../../api/quantity.ts'
import { HOUR_MS } from './units.ts'

/** What is known of one variable beside its type: what the reference page and the messages are made of. */
export interface FieldMeta {
  /** A sentence without its full stop. */
  readonly about: string
  /** How the value is written: `duration`, `port`, `bytes`, … */
  readonly unit: string
  /** As it would stand in the environment; empty: not set. */
  readonly fallback: string
  /** Completes "must be …". */
  readonly allowed: string
  readonly example: string
  /** Whether the value may be or hold a secret, so that no message shows it. */
  readonly secret: boolean
  /** Accepted and checked, so that old environments go on working, but nothing reads it. */
  readonly noEffectYet: boolean
}

export const fieldMeta = z.registry<FieldMeta>()

export interface Kind<T> {
  readonly unit: string
  readonly allowed: string
  readonly example: string
  /** Undefined when the text is not one of these. */
  readonly parse: (text: string) => T | undefined
}

type Options = Partial<Pick<FieldMeta, 'example' | 'secret' | 'noEffectYet'>>

/** A variable of the kind: text of the environment in, what the program uses out. */
export function field<T>(kind: Kind<T>, fallback: string, about: string, options: Options = {}) {
  const schema = z
    .string()
    .default(fallback)
    .transform((text, context): T => {
      const value = kind.parse(text.trim())
      if (value !== undefined) return value
      context.addIssue({ code: 'custom', message: `must be ${kind.allowed}` })
      return z.NEVER
    })
  const { unit, allowed, example } = kind
  return schema.register(fieldMeta, {
    ...{ about, unit, fallback, allowed, example: fallback === '' ? example : fallback },
    ...{ secret: false, noEffectYet: false },
    ...options
  })
}

/** A whole number in [min, max]. */
export function integer(min: number, max: number, unit = 'number'): Kind<number> {
  return {
    unit,
    allowed: `a whole number from ${min} to ${max}`,
    example: String(min),
    parse: text => {
      const value = /^\d{1,15}$/.test(text) ? Number(text) : undefined
      return value !== undefined && value >= min && value <= max ? value : undefined
    }
  }
}

/** A TCP port; 0 is any free one. */
export const port: Kind<number> = { ...integer(0, 65_535, 'port'), example: '8080' }

/** Values with commas between them; `parse` gives each, or undefined when it is wrong. */
export function list<T>(
  parse: (text: string) => T | undefined,
  words: Pick<Kind<T>, 'unit' | 'allowed' | 'example'>
): Kind<readonly T[]> {
  return {
    ...words,
    parse: value => {
      const items = value
        .split(',')
        .map(item => item.trim())
        .filter(item => item !== '')
      const parsed = items.map(parse).filter(item => item !== undefined)
      return parsed.length === items.length ? Object.freeze(parsed) : undefined
    }
  }
}

/** TCP ports. */
export const ports = list(text => (/^\d{1,5}$/.test(text) ? inPortRange(Number(text)) : undefined), {
  unit: 'list of ports',
  allowed: 'TCP ports with commas between them, such as 5432,6379',
  example: '5432'
})

function inPortRange(value: number): number | undefined {
  return value >= 1 && value <= 65_535 ? value : undefined
}

/** Ports from 1024, first and last, at least `least` of them. */
export function portRange(least: number): Kind<PortRange> {
  return {
    unit: 'ports',
    allowed: `a range of at least ${least} ports from 1024 to 65535, such as 20000-21999`,
    example: '20000-21999',
    parse: text => {
      const [, first = 0, last = 0] = (/^(\d{4,5})\s*-\s*(\d{4,5})$/.exec(text) ?? []).map(Number)
      return first >= 1024 && last <= 65_535 && last - first + 1 >= least ? Object.freeze({ first, last }) : undefined
    }
  }
}

/** Milliseconds of a Go duration in [minMs, maxMs]; a bare number is seconds. */
export function duration(minMs = 0, maxMs = 24 * HOUR_MS): Kind<number> {
  return {
    unit: 'duration',
    allowed: `a duration from ${formatDuration(minMs)} to ${formatDuration(maxMs)}, such as 250ms, 60s, 1m30s or 1h`,
    example: '60s',
    parse: text => {
      const ms = parseDuration(text)
      return ms !== undefined && ms >= minMs && ms <= maxMs ? ms : undefined
    }
  }
}

/** Bytes of a memory quantity of at least `least`; 0 when empty. */
export function bytes(least: string): Kind<number> {
  const minBytes = parseMemory(least) ?? 1
  return {
    unit: 'bytes',
    allowed: `a size of at least ${least}, such as 64Mi, 1Gi or 1048576`,
    example: '128Mi',
    parse: text => {
      if (text === '') return 0
      const value = parseMemory(text)
      return value !== undefined && value >= minBytes ? value : undefined
    }
  }
}

/** Billionths of a core of a CPU quantity; 0 when empty. */
export const cpu: Kind<number> = {
  unit: 'cores',
  allowed: 'a CPU quantity of at least 1m, such as 500m, 0.5 or 2',
  example: '500m',
  parse: text => (text === '' ? 0 : parseCpu(text))
}

const TRUTH: Readonly<Record<string, boolean>> = { true: true, t: true, '1': true, false: false, f: false, '0': false }

/** What Go's strconv.ParseBool takes, in any case. */
export const bool: Kind<boolean> = {
  unit: 'true or false',
  allowed: 'true or false',
  example: 'true',
  parse: text => (Object.hasOwn(TRUTH, text.toLowerCase()) ? TRUTH[text.toLowerCase()] : undefined)
}

/** Any text that means "yes" when there is one. Source: https://no-color.org */
export const flag: Kind<boolean> = { unit: 'any text', allowed: 'any text', example: '1', parse: text => text !== '' }

/** One of the words, in any case; `aliases` are taken too. */
export function oneOf<const T extends string>(words: readonly T[], aliases: Readonly<Record<string, T>> = {}): Kind<T> {
  const known = new Map<string, T>([
    ...Object.entries(aliases),
    ...words.map(word => [word.toLowerCase(), word] as const)
  ])
  return {
    unit: words.join(', '),
    allowed: `one of ${words.join(', ')}`,
    example: words[0] ?? '',
    parse: text => known.get(text.toLowerCase())
  }
}

/** Text that matches; `allowed` says what that means. */
export function text(pattern: RegExp, unit: string, allowed: string, example: string): Kind<string> {
  return { unit, allowed, example, parse: value => (pattern.test(value) ? value : undefined) }
}

/** A path, or nothing. */
export const path = text(/^[^\0]{0,4096}$/, 'path', 'a path of at most 4096 characters', '/run/secrets/file')

/** An address to listen on. */
export const address: Kind<string> = {
  unit: 'IP address',
  allowed: 'an IP address, such as 0.0.0.0, 127.0.0.1 or ::',
  example: '127.0.0.1',
  parse: value => (isIP(value) === 0 ? undefined : value)
}

const POOL_RANGES: ReadonlySet<string> = new Set(['private', 'carrierGradeNat', 'unicast', 'benchmarking'])

/** An IPv4 network whose prefix is in [minPrefix, maxPrefix], written by its first address. */
export function ipv4Network(minPrefix: number, maxPrefix: number): Kind<string> {
  return {
    unit: 'IPv4 CIDR',
    allowed: `an IPv4 network with a prefix of ${minPrefix} to ${maxPrefix}, named by its first address, that containers may use`,
    example: '10.62.0.0/16',
    parse: value => {
      if (!/^\d{1,3}(\.\d{1,3}){3}\/\d{1,2}$/.test(value) || !ipaddr.IPv4.isValidCIDR(value)) return undefined
      const [first, prefix] = ipaddr.IPv4.parseCIDR(value)
      const canonical = `${ipaddr.IPv4.networkAddressFromCIDR(value).toString()}/${prefix}`
      const fits = prefix >= minPrefix && prefix <= maxPrefix && canonical === value
      return fits && POOL_RANGES.has(first.range()) ? value : undefined
    }
  }
}

/** IP networks with commas between them; an address alone is a network of one. */
export const cidrs: Kind<readonly string[]> = {
  unit: 'list of CIDRs',
  allowed: 'networks with commas between them, such as 10.0.0.0/8,fd00::/8 or 127.0.0.1',
  example: '127.0.0.1/32',
  parse: value => {
    const list = itemsOf(value).map(item => (isIP(item) === 0 ? item : `${item}/${isIP(item) === 4 ? 32 : 128}`))
    return list.every(isCidr) ? Object.freeze(list) : undefined
  }
}

function isCidr(text: string): boolean {
  return isIP(text.split('/')[0] ?? '') !== 0 && /^[^/]+\/\d{1,3}$/.test(text) && ipaddr.isValidCIDR(text)
}

function itemsOf(value: string): string[] {
  return value
    .split(',')
    .map(item => item.trim())
    .filter(item => item !== '')
}

/** Origins of browsers, or `*`, with commas between them. */
export const origins: Kind<readonly string[]> = {
  unit: 'list of origins',
  allowed: 'origins with commas between them, such as https://a.example,http://localhost:3000, or *',
  example: 'https://a.example',
  parse: value => {
    const list = itemsOf(value)
    return list.every(item => item === '*' || /^https?:\/\/[^/@\s?#]+$/.test(item)) ? Object.freeze(list) : undefined
  }
}
