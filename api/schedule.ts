import { createHash } from 'node:crypto'
import { comesEver, isTimeZone, readCron, type Ticks, UTC } from './cron.ts'
import { parseDuration } from './duration.ts'
import type { FieldError } from './errors.ts'
import type { StringMap } from './meta.ts'
import { settingFault } from './rule.ts'

/** Annotations of OpenFaaS: the topics that call a function, and when `cron-function` does. */
const TOPIC = 'topic'
const SCHEDULE = 'schedule'
export const CRON_TOPIC = 'cron-function'
const PREFIX = 'com.docker-faas.schedule.'
const TIMEZONE = `${PREFIX}timezone`
const CONCURRENCY = `${PREFIX}concurrency`
const CATCH_UP = `${PREFIX}catch-up`
const SUSPEND = `${PREFIX}suspend`
export const SCHEDULE_ANNOTATIONS: readonly string[] = [TOPIC, SCHEDULE, TIMEZONE, CONCURRENCY, CATCH_UP, SUSPEND]

/** Schedules of one function. */
const MAX_SCHEDULES = 32
/** A tick that is run no later than this after its time is on time. */
export const ON_TIME_MS = 15_000

/** One line of a crontab, with its blanks made one. */
export interface Schedule {
  readonly text: string
  readonly ticks: Ticks
}

/** When a function is called by the clock. */
export interface Scheduling {
  readonly schedules: readonly Schedule[]
  /** IANA name. */
  readonly timezone: string
  /** Whether a tick is run though the call of the one before has not ended. */
  readonly concurrency: 'allow' | 'forbid'
  /** How late a tick may be run; of those that are due together only the last is. */
  readonly catchUpMs: number
  readonly isSuspended: boolean
}

interface Reading {
  readonly scheduling: Scheduling
  readonly faults: readonly FieldError[]
}

/**
 * When the function is called by the clock; undefined when it is not, or when its annotations say what cannot be
 * (`scheduleFaults`): then it is not called rather than at the wrong time.
 */
export function schedulingOf(annotations: StringMap): Scheduling | undefined {
  const reading = isScheduled(annotations) ? read(annotations) : undefined
  return reading === undefined || reading.faults.length > 0 ? undefined : reading.scheduling
}

/** What of the annotations cannot be. Pure. */
export function scheduleFaults(annotations: StringMap): FieldError[] {
  return isScheduled(annotations) ? [...read(annotations).faults] : []
}

/** Whether one of its topics is that of schedules; another connector may serve the others. */
export function isScheduled(annotations: StringMap): boolean {
  const topics = (annotations[TOPIC] ?? '').split(',').map(topic => topic.trim())
  return topics.includes(CRON_TOPIC)
}

/** What the annotations say of when, as they are. */
export function scheduleTextOf(annotations: StringMap): { readonly schedule: string; readonly timezone: string } {
  return { schedule: annotations[SCHEDULE] ?? '', timezone: annotations[TIMEZONE] ?? UTC }
}

/** What keeps a tick from becoming two calls. */
export function tickKey(uid: string, timezone: string, schedule: string, tick: number): string {
  return `schedule:${uid}:${digestOf(timezone, schedule)}:${tick}`
}

/** How long after its time a tick is handed over: functions that share one are spread over `spreadMs`, each at its own place. */
export function delayOf(uid: string, spreadMs: number): number {
  return spreadMs <= 0 ? 0 : createHash('sha256').update(uid).digest().readUInt32BE(0) % spreadMs
}

function digestOf(...texts: string[]): string {
  return createHash('sha256').update(texts.join('\n')).digest('hex').slice(0, 16)
}

function read(annotations: StringMap): Reading {
  const faults: FieldError[] = []
  const fault = (name: string, rule: string) => {
    faults.push(settingFault('annotations', name, rule, annotations[name] ?? ''))
  }
  const timezone = annotations[TIMEZONE] ?? UTC
  const isZone = isTimeZone(timezone)
  const schedules = readSchedules(annotations[SCHEDULE] ?? '', isZone ? timezone : UTC, rule => fault(SCHEDULE, rule))
  if (!isZone) fault(TIMEZONE, 'must be the name of a time zone, such as "Europe/Berlin" or "UTC"')
  const oneOf = <T extends string>(name: string, allowed: readonly [T, T], silent: T) => {
    const said = allowed.find(value => value === (annotations[name] ?? silent))
    if (said === undefined) fault(name, `must be ${allowed.join(' or ')}`)
    return said ?? silent
  }
  const concurrency = oneOf(CONCURRENCY, ['forbid', 'allow'], 'forbid')
  const isSuspended = oneOf(SUSPEND, ['true', 'false'], 'false') === 'true'
  const catchUpMs = readCatchUp(annotations[CATCH_UP] ?? 'once')
  if (catchUpMs === undefined) fault(CATCH_UP, 'must be once, none, or a duration such as "10m"')
  const scheduling = { schedules, timezone, concurrency, isSuspended, catchUpMs: catchUpMs ?? ON_TIME_MS }
  return { scheduling, faults }
}

/** Schedules have semicolons between them; one that is given twice is one. */
function readSchedules(text: string, timezone: string, fault: (rule: string) => void): Schedule[] {
  const texts = text.split(';').map(one => one.trim().replaceAll(/\s+/g, ' '))
  const given = [...new Set(texts.filter(one => one !== ''))]
  if (given.length === 0) fault(`must say when, as topic has ${CRON_TOPIC}: for example "*/5 * * * *"`)
  if (given.length > MAX_SCHEDULES) fault(`must have at most ${MAX_SCHEDULES} schedules, and has ${given.length}`)
  return given.slice(0, MAX_SCHEDULES).flatMap(one => {
    const reading = readCron(one, timezone)
    if ('fault' in reading) fault(`${reading.fault}${remedyFor(one)}`)
    else if (!comesEver(reading.ticks)) fault(`has ${quote(one)}, which never comes`)
    else return [{ text: one, ticks: reading.ticks }]
    return []
  })
}

function remedyFor(text: string): string {
  if (/^(CRON_)?TZ=/i.test(text)) return `; name the zone in ${TIMEZONE}`
  if (/^@every\b/i.test(text)) return ', such as "*/5 * * * *" for every five minutes'
  return ', as in "*/5 * * * *"'
}

function readCatchUp(text: string): number | undefined {
  if (text === 'once') return Number.POSITIVE_INFINITY
  if (text === 'none') return ON_TIME_MS
  const ms = parseDuration(text)
  return ms === undefined ? undefined : Math.max(ms, ON_TIME_MS)
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 64))
}
