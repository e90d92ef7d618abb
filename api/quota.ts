import type { FieldError } from './errors.ts'
import type { StringMap } from './meta.ts'
import { parseMemory } from './quantity.ts'
import { unreadSetting } from './rule.ts'

/** Annotations by which a namespace says how much its functions may have together. */
export const QUOTA_ANNOTATIONS = {
  functions: 'com.docker-faas.quota.functions',
  replicas: 'com.docker-faas.quota.replicas',
  memory: 'com.docker-faas.quota.memory'
} as const

/** What begins so is meant as a quota: one that is misspelt must not look as if it held. */
const PREFIX = 'com.docker-faas.quota.'
const NAMES: ReadonlySet<string> = new Set(Object.values(QUOTA_ANNOTATIONS))

/** How much the functions of a namespace may have together; what is absent is not bounded. */
export interface Quota {
  readonly functions?: number
  /** That are wanted. */
  readonly replicas?: number
  /** Of the limits of all replicas that are wanted. */
  readonly memoryBytes?: number
}

/** How much the functions of a namespace have together, those that are being deleted among them, as they hold it until they are gone. */
export interface Usage {
  readonly functions: number
  readonly replicas: number
  /** Of those whose memory is limited. */
  readonly memoryBytes: number
  /** Functions whose memory nothing limits. */
  readonly withoutMemoryLimit: number
}

/** What one function takes of a quota. */
export interface Share {
  readonly replicas: number
  /** Of one replica; absent: nothing limits it. */
  readonly memoryBytes?: number
}

export const NO_USAGE: Usage = { functions: 0, replicas: 0, memoryBytes: 0, withoutMemoryLimit: 0 }

/** Least memory that the engine takes, as a limit or reserved. Source: Docker, "Minimum memory limit allowed is 6MB". */
export const MIN_MEMORY_BYTES = 6 * 2 ** 20

const MIB = 2 ** 20

/** Quota of a namespace; what cannot be read is as if it were left out. */
export function quotaOf(annotations: StringMap): Quota {
  const said = {
    functions: wholeNumber(annotations[QUOTA_ANNOTATIONS.functions]),
    replicas: wholeNumber(annotations[QUOTA_ANNOTATIONS.replicas]),
    memoryBytes: memory(annotations[QUOTA_ANNOTATIONS.memory])
  }
  return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined))
}

/** What of the annotations cannot be read as a quota. Pure. */
export function quotaFaults(annotations: StringMap): FieldError[] {
  const { functions, replicas, memoryBytes } = quotaOf(annotations)
  const number = 'must be a whole number from 0 to 1000000'
  const fault = (name: string, value: unknown, rule: string) =>
    unreadSetting('annotations', annotations, { name, value, rule })
  return [
    ...fault(QUOTA_ANNOTATIONS.functions, functions, number),
    ...fault(QUOTA_ANNOTATIONS.replicas, replicas, number),
    ...fault(QUOTA_ANNOTATIONS.memory, memoryBytes, 'must be a quantity such as 512Mi or 4Gi'),
    ...Object.keys(annotations)
      .filter(name => name.startsWith(PREFIX) && !NAMES.has(name))
      .map(name => ({ field: 'annotations', message: `${name} is no quota: there are ${[...NAMES].join(', ')}` }))
  ]
}

/** What a function of these limits and so many replicas takes. `memoryDefaultBytes` is for those that name no limit; 0: none. */
export function shareOf(limit: string | undefined, replicas: number, memoryDefaultBytes: number): Share {
  const bytes = limit === undefined ? memoryDefaultBytes : (parseMemory(limit) ?? 0)
  return bytes === 0 ? { replicas } : { replicas, memoryBytes: Math.max(bytes, MIN_MEMORY_BYTES) }
}

/** What `count` functions take that have `share` together as to replicas, and each as to memory. */
export function addUsage(usage: Usage, { replicas, memoryBytes }: Share, count = 1): Usage {
  return {
    functions: usage.functions + count,
    replicas: usage.replicas + replicas,
    memoryBytes: usage.memoryBytes + replicas * (memoryBytes ?? 0),
    withoutMemoryLimit: usage.withoutMemoryLimit + (memoryBytes === undefined ? count : 0)
  }
}

/** A write of one function: what all others take, what it takes now, and what it would. */
export interface QuotaChange {
  readonly others: Usage
  /** Absent: there is no such function. */
  readonly before?: Share
  readonly after: Share
}

/** Why the namespace has no room for the change; nothing when it has. What takes no more than before is never refused. Pure. */
export function quotaRefusals(quota: Quota, change: QuotaChange): string[] {
  return [...functionRefusals(quota, change), ...replicaRefusals(quota, change), ...memoryRefusals(quota, change)]
}

/** The most replicas that the function can have within the quota, and never fewer than it has. Pure. */
export function mostReplicas(quota: Quota, others: Usage, share: Share): number {
  const { replicas = Number.POSITIVE_INFINITY, memoryBytes = Number.POSITIVE_INFINITY } = quota
  const byMemory =
    memoryBytes === Number.POSITIVE_INFINITY ? memoryBytes : roomOf(memoryBytes - others.memoryBytes, share)
  return Math.max(share.replicas, Math.min(replicas - others.replicas, byMemory))
}

function roomOf(bytes: number, { memoryBytes }: Share): number {
  return memoryBytes === undefined ? 0 : Math.floor(bytes / memoryBytes)
}

function functionRefusals({ functions: most }: Quota, { others, before }: QuotaChange): string[] {
  if (most === undefined || before !== undefined || others.functions < most) return []
  return [
    `functions: ${most} allowed, ${others.functions} used, 1 more asked for; delete one, or ${raise('functions')}`
  ]
}

function replicaRefusals({ replicas: most }: Quota, { others, before, after }: QuotaChange): string[] {
  const more = after.replicas - (before?.replicas ?? 0)
  const used = others.replicas + (before?.replicas ?? 0)
  if (most === undefined || more <= 0 || used + more <= most) return []
  return [
    `replicas: ${most} allowed, ${used} used, ${more} more asked for; ask for fewer, scale others down, or ${raise('replicas')}`
  ]
}

function memoryRefusals({ memoryBytes: most }: Quota, { others, before, after }: QuotaChange): string[] {
  if (most === undefined) return []
  if (after.memoryBytes === undefined) {
    const isAsBefore = before !== undefined && before.memoryBytes === undefined && after.replicas <= before.replicas
    return isAsBefore
      ? []
      : ['memory: the namespace has a quota for it, so the function needs limits.memory, such as 128Mi']
  }
  const had = (before?.memoryBytes ?? 0) * (before?.replicas ?? 0)
  const more = after.memoryBytes * after.replicas - had
  const used = others.memoryBytes + had
  if (more <= 0 || used + more <= most) return []
  return [
    `memory: ${shown(most)} allowed, ${shown(used)} used, ${shown(more)} more asked for (${shown(after.memoryBytes)} for each of ${after.replicas} replicas); lower limits.memory or the number of replicas, or ${raise('memory')}`
  ]
}

function raise(resource: keyof typeof QUOTA_ANNOTATIONS): string {
  return `raise the annotation ${QUOTA_ANNOTATIONS[resource]} of the namespace`
}

function shown(bytes: number): string {
  return bytes % MIB === 0 ? `${bytes / MIB}Mi` : `${bytes} bytes`
}

function wholeNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,7}$/.test(text)) return undefined
  return Number(text) <= 1_000_000 ? Number(text) : undefined
}

function memory(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseMemory(text)
}
