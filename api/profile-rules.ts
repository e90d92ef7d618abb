import type { FieldError } from './errors.ts'
import { type IsolationRules, levelOf, RUNTIME_ANNOTATION, runtimeOf, userViolation } from './isolation.ts'
import type { StringMap } from './meta.ts'
import {
  type KnownProfiles,
  PROFILE_ANNOTATION,
  type ProfileSpec,
  profileNameFaults,
  resolveProfile
} from './profile.ts'

/** What of a function counts for its profiles. */
export interface Profiled {
  readonly namespace?: string | undefined
  readonly annotations: StringMap
}

/** What a profile asks for and may not, whoever names it. Pure. */
export function profileViolations({ runtime }: ProfileSpec, { runtimes }: IsolationRules): FieldError[] {
  if (runtime === undefined || runtimes.includes(runtime)) return []
  const allowed = runtimes.length === 0 ? 'names none' : `names ${runtimes.join(', ')}`
  return [
    {
      field: 'spec.runtime',
      message: `must be one of RUNTIMES_ALLOWED, which ${allowed}, got ${JSON.stringify(runtime)}`
    }
  ]
}

/** What is wrong with the profiles that a function names: that they are not there, or are not for it. Pure. */
export function namedProfileFaults(fn: Profiled, rules: IsolationRules, known: KnownProfiles): string[] {
  const malformed = profileNameFaults(fn.annotations)
  if (malformed.length > 0) return malformed
  const { spec, missing } = resolveProfile(fn.annotations, known)
  return [
    ...missing.map(
      name =>
        `${PROFILE_ANNOTATION} names profile ${name}, which is not there: make it by POST /v1/profiles, or take it out`
    ),
    ...profileConflicts(fn, spec, rules)
  ]
}

/** What the profiles of a function come to that it may not have, in words. Pure. */
export function profileConflicts(fn: Profiled, spec: ProfileSpec, rules: IsolationRules): string[] {
  const { annotations, namespace } = fn
  const said = runtimeOf(annotations)
  const isTorn = said !== undefined && spec.runtime !== undefined && said !== spec.runtime
  const isRestricted = namespace !== undefined && levelOf(rules, namespace) === 'restricted'
  const user = isRestricted && spec.user !== undefined ? userViolation(spec.user, 'profile') : undefined
  return [
    ...(isTorn
      ? [`${RUNTIME_ANNOTATION} is ${said}, and ${PROFILE_ANNOTATION} gives ${spec.runtime}: leave one of them out`]
      : []),
    ...profileViolations(spec, rules).map(({ message }) => `${PROFILE_ANNOTATION} gives a runtime that ${message}`),
    ...(user === undefined ? [] : [`${PROFILE_ANNOTATION}: ${user}`])
  ]
}
