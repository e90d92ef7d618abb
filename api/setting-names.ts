import { CALL_ANNOTATIONS } from './call-settings.ts'
import { nearestWord } from './edit-distance.ts'
import type { FieldError } from './errors.ts'
import { EGRESS_ANNOTATION, RUNTIME_ANNOTATION } from './isolation.ts'
import type { StringMap } from './meta.ts'
import { PROBE_ANNOTATIONS } from './probe.ts'
import { PROFILE_ANNOTATION } from './profile.ts'
import { SCALING_ANNOTATIONS, SCALING_LABELS } from './scaling.ts'
import { SCHEDULE_ANNOTATIONS } from './schedule.ts'

const KNOWN: Readonly<Record<Place, ReadonlySet<string>>> = {
  labels: new Set(SCALING_LABELS),
  annotations: new Set([
    ...SCALING_ANNOTATIONS,
    ...CALL_ANNOTATIONS,
    ...SCHEDULE_ANNOTATIONS,
    ...PROBE_ANNOTATIONS,
    ...[EGRESS_ANNOTATION, RUNTIME_ANNOTATION, PROFILE_ANNOTATION]
  ])
}
const OURS = 'com.docker-faas.'
const PREFIXES = [OURS, 'com.openfaas.']

type Place = 'labels' | 'annotations'
const OTHER = { labels: 'annotations', annotations: 'labels' } as const
const NOUN = { labels: 'a label', annotations: 'an annotation' } as const

/**
 * Labels and annotations that are likely to be meant as settings and are none: misspelt, or in the other one's place. They do no
 * harm, and clients of OpenFaaS send some that mean nothing here, so they are told of and not refused. Pure.
 */
export function unknownSettings(metadata: {
  readonly labels: StringMap
  readonly annotations: StringMap
}): FieldError[] {
  return (['labels', 'annotations'] as const).flatMap(place =>
    Object.keys(metadata[place]).flatMap(name => {
      const message = problemOf(place, name)
      return message === undefined ? [] : [{ field: `${place}.${name}`, message }]
    })
  )
}

function problemOf(place: Place, name: string): string | undefined {
  const other = OTHER[place]
  if (KNOWN[place].has(name) || !PREFIXES.some(prefix => name.startsWith(prefix))) return undefined
  if (KNOWN[other].has(name)) return `has no effect as ${NOUN[place]}: make it ${NOUN[other]}`
  const here = nearestWord(name, KNOWN[place])
  if (here !== undefined) return `is not known: did you mean ${here}?`
  const there = nearestWord(name, KNOWN[other])
  if (there !== undefined) return `is not known: did you mean ${NOUN[other]} ${there}?`
  return name.startsWith(OURS) ? 'is not known, and has no effect' : undefined
}
