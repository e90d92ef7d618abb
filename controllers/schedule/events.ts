import { formatDuration } from '../../api/duration.ts'
import type { EventReason } from '../../api/event-reason.ts'
import { ON_TIME_MS } from '../../api/schedule.ts'
import type { ScheduleRecord } from '../../api/schedule-record.ts'
import { type Decision, MAX_COUNTED } from './decide.ts'

/** What is told of a decision. */
export interface ScheduleEvent {
  readonly type: 'Normal' | 'Warning'
  readonly reason: EventReason
  readonly message: string
}

/** What people are to know of it; undefined when all is as it should be. Pure. */
export function eventOf(decision: Decision, now: number): ScheduleEvent | undefined {
  switch (decision.kind) {
    case 'wait':
      return undefined
    case 'note':
      return decision.setBackMs === undefined ? undefined : setBackEvent(decision.record, decision.setBackMs)
    case 'skip':
      return { type: 'Warning', reason: 'ScheduleSkipped', message: skipMessage(decision.record) }
    default:
      return missedEvent(decision, now)
  }
}

function missedEvent(
  { kind, record, due: { first, last, count } }: Extract<Decision, { readonly kind: 'run' | 'miss' }>,
  now: number
): ScheduleEvent | undefined {
  const lateMs = now - last
  if (kind === 'run' && count === 1 && lateMs <= ON_TIME_MS) return undefined
  const many = `${count >= MAX_COUNTED ? `${MAX_COUNTED} or more` : count} ticks of ${nameOf(record)}`
  const which =
    count === 1
      ? `the tick of ${nameOf(record)} at ${timeOf(last)}`
      : `${many} from ${timeOf(first)} to ${timeOf(last)}`
  const verdict = kind === 'miss' ? missVerdict(count) : runVerdict(count, lateMs)
  return { type: 'Warning', reason: 'ScheduleMissed', message: `${which} ${verdict}` }
}

function missVerdict(count: number): string {
  return `came while the gateway did not run, or its clock was set, and ${count === 1 ? 'is' : 'are'} not made up for`
}

function runVerdict(count: number, lateMs: number): string {
  const late = formatDuration(Math.round(lateMs / 1000) * 1000)
  if (count === 1) return `is run ${late} late`
  return `came while the gateway did not run, or its clock was set: the last is run, ${late} late`
}

/** NOTE: without a time, so that what comes again and again is counted. */
function skipMessage(record: ScheduleRecord): string {
  return `a tick of ${nameOf(record)} was left out, as the call of the one before has not ended; to run both, set com.docker-faas.schedule.concurrency to allow`
}

function setBackEvent(record: ScheduleRecord, setBackMs: number): ScheduleEvent | undefined {
  if (setBackMs <= ON_TIME_MS) return undefined
  const far = formatDuration(Math.round(setBackMs / 1000) * 1000)
  const message = `the clock was set back by ${far}: ticks of ${nameOf(record)} that were run already are not run again`
  return { type: 'Warning', reason: 'ScheduleClockSetBack', message }
}

function nameOf({ schedule, timezone }: ScheduleRecord): string {
  return `"${schedule}" (${timezone})`
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z')
}
