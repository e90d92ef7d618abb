import type { FunctionObject } from '../../api/function.ts'
import {
  delayOf,
  isScheduled,
  type Schedule,
  type Scheduling,
  scheduleFaults,
  scheduleTextOf,
  schedulingOf
} from '../../api/schedule.ts'
import type { ScheduleRecord } from '../../api/schedule-record.ts'
import type { ScheduleView } from '../../api/schedule-view.ts'
import type { InvocationStore } from '../../src/store/invocation-store.ts'
import type { ScheduleStore } from '../../src/store/schedule-store.ts'
import { begin, nextOf } from './decide.ts'

export interface ScheduleListDeps {
  readonly schedules: Pick<ScheduleStore, 'list'>
  readonly invocations: Pick<InvocationStore, 'get'>
  readonly spreadMs: number
  readonly now: () => number
}

/** The schedules of these functions, as they stand now. */
export async function listSchedules(
  deps: ScheduleListDeps,
  objects: readonly FunctionObject[]
): Promise<ScheduleView[]> {
  const scheduled = objects.filter(({ metadata }) => isScheduled(metadata.annotations))
  const [one, ...others] = scheduled
  if (one === undefined) return []
  const records = await deps.schedules.list(others.length === 0 ? one.metadata.uid : undefined)
  const views = scheduled.map(async object => {
    const scheduling = schedulingOf(object.metadata.annotations)
    if (scheduling === undefined) return [faultyView(object)]
    const known = (schedule: Schedule) => records.find(record => isOf(record, object, scheduling, schedule))
    return await Promise.all(
      scheduling.schedules.map(schedule => viewOf(deps, { object, scheduling, schedule }, known(schedule)))
    )
  })
  return (await Promise.all(views)).flat()
}

function isOf(
  { uid, schedule, timezone }: ScheduleRecord,
  object: FunctionObject,
  scheduling: Scheduling,
  { text }: Schedule
) {
  return uid === object.metadata.uid && timezone === scheduling.timezone && schedule === text
}

interface Shown {
  readonly object: FunctionObject
  readonly scheduling: Scheduling
  readonly schedule: Schedule
}

async function viewOf(deps: ScheduleListDeps, shown: Shown, record: ScheduleRecord | undefined): Promise<ScheduleView> {
  const { scheduling, schedule, object } = shown
  const { runs = 0, skipped = 0, missed = 0, last } = record ?? {}
  const next = nextTickOf(deps, shown, record)
  return {
    ...namesOf(object),
    schedule: schedule.text,
    timezone: scheduling.timezone,
    suspended: scheduling.isSuspended,
    concurrency: scheduling.concurrency,
    ...(next === undefined ? {} : { next: timeOf(next) }),
    ...(last === undefined ? {} : { last: await lastOf(deps, last) }),
    ...{ runs, skipped, missed }
  }
}

function nextTickOf(
  { spreadMs, now }: ScheduleListDeps,
  { object, scheduling, schedule }: Shown,
  record: ScheduleRecord | undefined
): number | undefined {
  const { uid } = object.metadata
  const rules = { ...scheduling, ticks: schedule.ticks, delayMs: delayOf(uid, spreadMs) }
  const at = now()
  const key = { uid, schedule: schedule.text, timezone: scheduling.timezone }
  return nextOf(record ?? begin(key, { now: at, delayMs: rules.delayMs }), rules, at)
}

async function lastOf({ invocations }: ScheduleListDeps, { tick, at, call }: NonNullable<ScheduleRecord['last']>) {
  const invocation = await invocations.get(call)
  return {
    ...{ tick: timeOf(tick), at: timeOf(at), call },
    ...(invocation === undefined ? {} : { phase: invocation.phase }),
    ...(invocation?.status === undefined ? {} : { status: invocation.status })
  }
}

function faultyView(object: FunctionObject): ScheduleView {
  const faults = scheduleFaults(object.metadata.annotations)
  return {
    ...namesOf(object),
    ...scheduleTextOf(object.metadata.annotations),
    ...{ suspended: false, concurrency: 'forbid', runs: 0, skipped: 0, missed: 0 },
    fault: faults.map(({ message }) => message).join('; ')
  }
}

function namesOf({ metadata: { namespace, name } }: FunctionObject) {
  return { namespace, function: name }
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString()
}
