import { parseDuration } from './duration.ts'
import type { FieldError } from './errors.ts'
import type { FunctionObject } from './function.ts'
import type { StringMap } from './meta.ts'
import { unreadSetting } from './rule.ts'

/**
 * What is asked when no path is named. Every watchdog serves it; a plain server answers 404, which will do then;
 * `/_/ready` would run the function under the classic watchdog.
 */
const DEFAULT_PATH = '/_/health'

/** Between two probes, where an annotation asks for probes and none says how often. Source: OpenFaaS' chart. */
export const DEFAULT_PERIOD_MS = 2000
/** After the start, where an annotation asks for liveness and none says when. Source: OpenFaaS' chart. */
export const DEFAULT_LIVENESS_DELAY_MS = 2000
/** Source: Kubernetes, `failureThreshold`. */
export const DEFAULT_FAILURES = 3

const PREFIXES = { ready: 'com.openfaas.ready.http.', health: 'com.openfaas.health.http.' } as const
type Kind = keyof typeof PREFIXES

/** When a replica is asked, and how many answers make up a verdict; what no annotation names is absent. */
export interface ProbeTiming {
  readonly initialDelayMs?: number
  readonly periodMs?: number
  readonly timeoutMs?: number
  readonly failureThreshold?: number
  readonly successThreshold?: number
}

/** What is asked of a replica. Plain values, so that two can be compared. */
export interface HttpProbe {
  readonly path: string
  /** An annotation names the path: an answer from 200 to 399 will do, else any below 500. */
  readonly isStrict: boolean
  /** Absent: nothing is asked of those that answer, but by the way. */
  readonly timing?: ProbeTiming
}

/** What of a function says what is asked. */
interface Probed {
  readonly spec: Pick<FunctionObject['spec'], 'probes' | 'debug'>
  readonly metadata: { readonly annotations: StringMap }
}

/** What makes a replica ready. A path of the spec goes before one of the annotations. */
export function readinessOf({ spec, metadata }: Probed): HttpProbe {
  const probe = probeOf('ready', metadata.annotations)
  const path = spec.probes.ready?.path
  return path === undefined ? probe : { ...probe, path, isStrict: false }
}

/** What says that a replica lives; undefined where no annotation asks for it. At a breakpoint nothing answers. */
export function livenessOf({ spec, metadata }: Probed): HttpProbe | undefined {
  const probe = probeOf('health', metadata.annotations)
  return probe.timing === undefined || spec.debug ? undefined : probe
}

/** Until a replica can be ready, at the least; milliseconds after its start. */
export function leastReadyMs({ timing }: HttpProbe): number {
  if (timing === undefined) return 0
  const { initialDelayMs = 0, periodMs = DEFAULT_PERIOD_MS, successThreshold = 1 } = timing
  return initialDelayMs + (successThreshold - 1) * periodMs
}

/** Annotations that cannot be read. Pure. */
export function probeFaults(annotations: StringMap): FieldError[] {
  const kinds: readonly Kind[] = ['health', 'ready']
  return kinds.flatMap(kind =>
    FIELDS.filter(({ field }) => isAsked(kind, field)).flatMap(({ field, read, rule }) => {
      const name = `${PREFIXES[kind]}${field}`
      const value = read(annotations[name] ?? '')
      return unreadSetting('annotations', annotations, { name, value, rule })
    })
  )
}

/** A replica that lives once does not have to live twice. Source: Kubernetes. */
function isAsked(kind: Kind, field: string): boolean {
  return kind === 'ready' || field !== 'successThreshold'
}

interface Field {
  /** What follows the prefix. */
  readonly field: string
  readonly read: (text: string) => number | string | undefined
  readonly rule: string
}

const LONGEST_MS = 3_600_000
const SHORTEST_MS = 100
const DELAY_RULE = 'must be a time from 0 to 1 h, such as "30" (seconds) or "30s"'
const TIME_RULE = 'must be a time from 100 ms to 1 h, such as "2" (seconds) or "2s"'
const COUNT_RULE = 'must be a whole number from 1 to 1000'
const time = (text: string) => timeWithin(text, SHORTEST_MS)
const delay = (text: string) => timeWithin(text, 0)

const FIELDS: readonly Field[] = [
  { field: 'path', read: pathIn, rule: 'must be a path that starts with "/", such as "/ready"' },
  { field: 'initialDelaySeconds', read: delay, rule: DELAY_RULE },
  // What OpenFaaS called it before.
  { field: 'initialDelay', read: delay, rule: DELAY_RULE },
  { field: 'periodSeconds', read: time, rule: TIME_RULE },
  { field: 'timeoutSeconds', read: time, rule: TIME_RULE },
  { field: 'failureThreshold', read: count, rule: COUNT_RULE },
  { field: 'successThreshold', read: count, rule: COUNT_RULE }
]

/** Every annotation that says something of probes. */
export const PROBE_ANNOTATIONS: readonly string[] = (['health', 'ready'] as const).flatMap(kind =>
  FIELDS.filter(({ field }) => isAsked(kind, field)).map(({ field }) => `${PREFIXES[kind]}${field}`)
)

function probeOf(kind: Kind, annotations: StringMap): HttpProbe {
  const said = <T>(field: string, read: (text: string) => T | undefined): T | undefined => {
    const text = annotations[`${PREFIXES[kind]}${field}`]
    return text === undefined ? undefined : read(text)
  }
  const path = said('path', pathIn)
  const timing = {
    initialDelayMs: said('initialDelaySeconds', delay) ?? said('initialDelay', delay),
    periodMs: said('periodSeconds', time),
    timeoutMs: said('timeoutSeconds', time),
    failureThreshold: said('failureThreshold', count),
    successThreshold: kind === 'ready' ? said('successThreshold', count) : undefined
  }
  const named = Object.entries(timing).filter(([, value]) => value !== undefined)
  const isAnnotated = path !== undefined || named.length > 0
  return {
    path: path ?? DEFAULT_PATH,
    isStrict: path !== undefined,
    ...(isAnnotated ? { timing: Object.fromEntries(named) } : {})
  }
}

function pathIn(text: string): string | undefined {
  return text.length <= 1024 && /^\/[\x21-\x7e]*$/.test(text) ? text : undefined
}

function timeWithin(text: string, leastMs: number): number | undefined {
  const ms = parseDuration(text)
  return ms !== undefined && ms >= leastMs && ms <= LONGEST_MS ? ms : undefined
}

function count(text: string): number | undefined {
  return /^[1-9]\d{0,3}$/.test(text) && Number(text) <= 1000 ? Number(text) : undefined
}
