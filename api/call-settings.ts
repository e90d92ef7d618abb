import { parseDuration } from './duration.ts'
import type { FieldError } from './errors.ts'
import type { StringMap } from './meta.ts'
import { unreadSetting } from './rule.ts'

/** How calls of one function are carried out, where it differs from the gateway's own settings. Plain JSON, milliseconds. */
export interface CallSettings {
  /** Calls that one replica has at a time; one more is answered 429. */
  readonly maxInflight?: number
  /** How long a call waits for a replica. */
  readonly wakeTimeoutMs?: number
  /** How long a connection to a replica may take. */
  readonly connectTimeoutMs?: number
  /** Until the first byte of the answer. */
  readonly firstByteTimeoutMs?: number
  /** Without a byte in either direction. */
  readonly idleTimeoutMs?: number
  /** From its start to its end. */
  readonly totalTimeoutMs?: number
  /** Asynchronous calls that are carried out at a time. */
  readonly asyncConcurrency?: number
  /** Absent: a call is sent again only when it cannot have been carried out. */
  readonly retry?: RetrySettings
}

/** Source of names and defaults: OpenFaaS Pro. */
export interface RetrySettings {
  /** Tries in all, the first among them. */
  readonly attempts: number
  /** Statuses of an answer that ask for another try. */
  readonly codes: readonly number[]
  readonly minWaitMs: number
  readonly maxWaitMs: number
}

export const RETRY_DEFAULTS: RetrySettings = {
  attempts: 10,
  codes: [429, 502, 500, 504, 408],
  minWaitMs: 10_000,
  maxWaitMs: 120_000
}

type Reader<T> = (text: string) => T | undefined

interface Rule<T> {
  readonly annotation: string
  readonly read: Reader<T>
  readonly rule: string
}

const DURATION_RULE = 'must be a duration above 0, such as "250ms", "90s" or "5m"'

function durationRule(annotation: string): Rule<number> {
  return { annotation, read: positiveDuration, rule: DURATION_RULE }
}

const RULES = {
  maxInflight: {
    annotation: 'com.openfaas.max-inflight',
    read: text => wholeNumber(text, 1_000_000),
    rule: 'must be a whole number from 1 up'
  },
  wakeTimeoutMs: durationRule('com.docker-faas.scale.wake-timeout'),
  connectTimeoutMs: durationRule('com.docker-faas.timeout.connect'),
  firstByteTimeoutMs: durationRule('com.docker-faas.timeout.first-byte'),
  idleTimeoutMs: durationRule('com.docker-faas.timeout.idle'),
  totalTimeoutMs: durationRule('com.docker-faas.timeout.total'),
  asyncConcurrency: {
    annotation: 'com.docker-faas.async.concurrency',
    read: text => wholeNumber(text, 10_000),
    rule: 'must be a whole number from 1 to 10000'
  }
} satisfies Record<Exclude<keyof CallSettings, 'retry'>, Rule<number>>

const RETRY_RULES = {
  attempts: {
    annotation: 'com.openfaas.retry.attempts',
    read: text => wholeNumber(text, 100),
    rule: 'must be a whole number from 1 to 100'
  },
  codes: {
    annotation: 'com.openfaas.retry.codes',
    read: statusList,
    rule: 'must be HTTP statuses from 400 to 599, separated by commas'
  },
  minWaitMs: durationRule('com.openfaas.retry.min_wait'),
  maxWaitMs: durationRule('com.openfaas.retry.max_wait')
} satisfies { [K in keyof RetrySettings]: Rule<RetrySettings[K]> }

export const CALL_ANNOTATIONS = [...Object.values(RULES), ...Object.values(RETRY_RULES)].map(
  ({ annotation }) => annotation
)

/** The settings that a function's annotations name, if any; what cannot be read is as if it were left out. */
export function callSettingsOf(annotations: StringMap): CallSettings | undefined {
  const retry = retryOf(annotations)
  const settings: CallSettings = { ...read(RULES, annotations), ...(retry === undefined ? {} : { retry }) }
  return Object.keys(settings).length === 0 ? undefined : settings
}

/** Annotations that cannot be read. Pure. */
export function callSettingFaults(annotations: StringMap): FieldError[] {
  return [...Object.values(RULES), ...Object.values(RETRY_RULES)].flatMap(({ annotation, read: parse, rule }) => {
    const value = parse(annotations[annotation] ?? '')
    return unreadSetting('annotations', annotations, { name: annotation, value, rule })
  })
}

/** How calls are tried again, when an annotation says anything of it. */
function retryOf(annotations: StringMap): RetrySettings | undefined {
  const said = read(RETRY_RULES, annotations)
  return Object.keys(said).length === 0 ? undefined : { ...RETRY_DEFAULTS, ...said }
}

function read<T>(rules: { readonly [K in keyof T]-?: Rule<NonNullable<T[K]>> }, annotations: StringMap): Partial<T> {
  const entries = Object.entries<Rule<unknown>>(rules).map(([name, { annotation, read: parse }]) => {
    const said = annotations[annotation]
    return [name, said === undefined ? undefined : parse(said)] as const
  })
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined)) as Partial<T>
}

function positiveDuration(text: string): number | undefined {
  const ms = parseDuration(text)
  return ms === undefined || ms === 0 ? undefined : ms
}

function wholeNumber(text: string, most: number): number | undefined {
  return /^[1-9]\d{0,8}$/.test(text) && Number(text) <= most ? Number(text) : undefined
}

function statusList(text: string): readonly number[] | undefined {
  const codes = text.split(',').map(part => part.trim())
  return codes.every(code => /^[45]\d\d$/.test(code)) ? codes.map(Number) : undefined
}
