import ipaddr from 'ipaddr.js'
import * as z from 'zod'
import { Annotations, DNS_LABEL, Labels, Name, type StringMap } from './meta.ts'
import { parseMemory } from './quantity.ts'
import { isTmpfsPath } from './tmpfs-path.ts'
import { USER_TEXT } from './user-text.ts'

/** Annotation by which a function asks for profiles: names with commas between them. Source: OpenFaaS. */
export const PROFILE_ANNOTATION = 'com.openfaas.profile'

/** Names in one annotation. */
const MAX_NAMED = 16
const MAX_TMPFS = 8
const MIN_TMPFS_BYTES = 4096
const MAX_TMPFS_BYTES = 4 * 2 ** 30
/** What a resolver reads. Source: resolv.conf(5), MAXNS; Kubernetes for the others. */
const MAX_NAMESERVERS = 3
const MAX_SEARCHES = 32
const MAX_OPTIONS = 16

const TmpfsSize = z
  .string()
  .refine(text => {
    const bytes = parseMemory(text)
    return bytes !== undefined && bytes >= MIN_TMPFS_BYTES && bytes <= MAX_TMPFS_BYTES
  }, 'must be a size from "4Ki" to "4Gi", such as "64Mi"')
  .meta({ examples: ['64Mi'] })

const Tmpfs = z.strictObject({
  path: z
    .string()
    .refine(
      isTmpfsPath,
      'must be an absolute path such as "/cache", and not one of /proc, /sys, /etc, /dev but /dev/shm, nor lead to /var/openfaas'
    )
    .meta({ examples: ['/cache'] }),
  size: TmpfsSize
})

/** None of this host, which the engine may ask in the place of the container. */
const REFUSED_RANGES: ReadonlySet<string> = new Set(['loopback', 'unspecified', 'multicast', 'broadcast'])

const Nameserver = z
  .string()
  .refine(
    text => isAddress(text) && !REFUSED_RANGES.has(ipaddr.process(text).range()),
    'must be an IP address, and none of this host, such as "10.0.0.53"'
  )
  .meta({ examples: ['10.0.0.53'] })

const Dns = z.strictObject({
  nameservers: z.array(Nameserver).max(MAX_NAMESERVERS, `must have at most ${MAX_NAMESERVERS} entries`).default([]),
  searches: z
    .array(
      z
        .string()
        .max(253, 'must be at most 253 characters')
        .regex(/^[a-zA-Z0-9_]([-a-zA-Z0-9_.]*[a-zA-Z0-9])?$/, 'must be a domain such as "svc.example.com"')
    )
    .max(MAX_SEARCHES, `must have at most ${MAX_SEARCHES} entries`)
    .default([]),
  options: z
    .array(z.string().regex(/^[a-z][-a-z0-9]{0,31}(:\d{1,5})?$/, 'must be an option of resolv.conf such as "ndots:2"'))
    .max(MAX_OPTIONS, `must have at most ${MAX_OPTIONS} entries`)
    .default([])
})

const User = z
  .string()
  .regex(USER_TEXT, 'must be a number or a name, and perhaps a group after ":", such as "1000:1000" or "app"')

/** What functions that name the profile get. */
export const ProfileSpec = z.strictObject({
  runtime: z
    .string()
    .max(128, 'must be at most 128 characters')
    .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/, 'must be the name of a runtime of the engine, such as "runsc"')
    .meta({ examples: ['runsc'] })
    .optional(),
  user: User.optional(),
  tmpfs: z
    .array(Tmpfs)
    .max(MAX_TMPFS, `must have at most ${MAX_TMPFS} entries`)
    .refine(list => new Set(list.map(({ path }) => path)).size === list.length, 'must not name a path twice')
    .optional(),
  dns: Dns.optional()
})
export type ProfileSpec = z.infer<typeof ProfileSpec>

/** What a client may send as a profile. What only the server writes is accepted and ignored. */
export const ProfileInput = z.strictObject({
  apiVersion: z.literal('v1').optional(),
  kind: z.literal('Profile').optional(),
  metadata: z.strictObject({
    name: Name,
    labels: Labels.default({}),
    annotations: Annotations.default({}),
    uid: z.unknown().optional(),
    resourceVersion: z.unknown().optional(),
    createdAt: z.unknown().optional(),
    updatedAt: z.unknown().optional()
  }),
  spec: ProfileSpec
})
export type ProfileInput = z.infer<typeof ProfileInput>

/** What is written down when a profile is put: everything but what the store decides. */
export interface ProfileDraft {
  readonly name: string
  readonly labels: StringMap
  readonly annotations: StringMap
  readonly spec: ProfileSpec
}

/** A profile as stored and as given out on `/v1`. Profiles are of no namespace. */
export interface ProfileObject {
  readonly metadata: {
    readonly name: string
    readonly uid: string
    /** Grows with every write of any object; the ETag. */
    readonly resourceVersion: number
    readonly labels: StringMap
    readonly annotations: StringMap
    /** RFC 3339. */
    readonly createdAt: string
    /** RFC 3339. */
    readonly updatedAt: string
  }
  readonly spec: ProfileSpec
}

/** The profiles that there are. */
export interface KnownProfiles {
  readonly get: (name: string) => ProfileObject | undefined
}

/** What the profiles of a function come to. */
export interface ResolvedProfile {
  /** Of those that are there, a later one before an earlier one, field by field. */
  readonly spec: ProfileSpec
  /** Names of those that are not there. */
  readonly missing: readonly string[]
}

export const NO_PROFILE: ResolvedProfile = { spec: {}, missing: [] }

/** The profiles that a function names, each once, in its order. */
export function profileNamesOf(annotations: StringMap): readonly string[] {
  const names = (annotations[PROFILE_ANNOTATION] ?? '').split(',').map(name => name.trim())
  return [...new Set(names.filter(name => name !== ''))]
}

/** What the profiles that a function names come to. Pure. */
export function resolveProfile(annotations: StringMap, known: KnownProfiles): ResolvedProfile {
  const names = profileNamesOf(annotations)
  if (names.length === 0) return NO_PROFILE
  const found = names.map(name => [name, known.get(name)] as const)
  return {
    spec: Object.assign({}, ...found.map(([, profile]) => profile?.spec)) as ProfileSpec,
    missing: found.filter(([, profile]) => profile === undefined).map(([name]) => name)
  }
}

/** Names that no profile can have, or too many of them. */
export function profileNameFaults(annotations: StringMap): string[] {
  const names = profileNamesOf(annotations)
  if (names.length > MAX_NAMED) return [`${PROFILE_ANNOTATION} must name at most ${MAX_NAMED} profiles`]
  return names
    .filter(name => !DNS_LABEL.test(name))
    .map(
      name =>
        `${PROFILE_ANNOTATION} must be names of profiles with commas between them, got ${JSON.stringify(name.slice(0, 64))}`
    )
}

function isAddress(text: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text)
}
