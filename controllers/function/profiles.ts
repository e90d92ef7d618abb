import type { ProfileSpec, ResolvedProfile } from '../../api/profile.ts'
import { parseMemory } from '../../api/quantity.ts'
import { canonicalJson } from '../../api/spec-hash.ts'
import type { ContainerSpec } from '../../src/engine/specs.ts'

/** What of a profile needs another container, as words; none where it grants nothing. Its runtime is told with the isolation. */
export function profileTexts({ user, tmpfs = [], dns }: ProfileSpec): string[] {
  const isAsked = dns !== undefined && Object.values(dns).some(list => list.length > 0)
  const places = tmpfs.toSorted((a, b) => (a.path < b.path ? -1 : 1))
  return [
    ...(user === undefined ? [] : [`user ${user}`]),
    ...(places.length === 0 ? [] : [`tmpfs ${canonicalJson(places)}`]),
    ...(isAsked ? [`dns ${canonicalJson(dns)}`] : [])
  ]
}

/** What a profile adds to a container. */
export function profileSettings({ user, dns }: ProfileSpec): Pick<ContainerSpec, 'user' | 'dns'> {
  return { ...(user === undefined ? {} : { user }), ...(dns === undefined ? {} : { dns }) }
}

/** Path → bytes of each tmpfs that a profile asks for. */
export function profileTmpfs({ tmpfs = [] }: ProfileSpec): Record<string, number> {
  return Object.fromEntries(tmpfs.map(({ path, size }) => [path, parseMemory(size) ?? 0]))
}

/** What a function runs with, as text that is another one whenever its replicas may have to be; empty when it names no profile. */
export function profilesText({ spec, missing }: ResolvedProfile): string {
  const isEmpty = missing.length === 0 && Object.keys(spec).length === 0
  return isEmpty ? '' : canonicalJson({ spec, missing })
}
