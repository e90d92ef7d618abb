import { NotFoundError, QueueFullError } from '../../api/errors.ts'
import type { FunctionObject } from '../../api/function.ts'
import {
  delayOf,
  isScheduled,
  type Schedule,
  type Scheduling,
  scheduleFaults,
  schedulingOf
} from '../../api/schedule.ts'
import type { ScheduleRecord } from '../../api/schedule-record.ts'
import type { Logger } from '../../src/logging/logger.ts'
import type { ScheduleMetrics } from '../../src/metrics/schedules.ts'
import type { Reconciler, Result } from '../../src/runtime/reconciler.ts'
import type { ScheduleStore } from '../../src/store/schedule-store.ts'
import type { EventStore, FunctionStore } from '../../src/store/store.ts'
import { begin, type Decision, decide, givenUp, handedOver, type ScheduleRules } from './decide.ts'
import { eventOf, type ScheduleEvent } from './events.ts'
import { callOf, type ScheduledCalls } from './scheduled-calls.ts'

export interface ScheduleReconcilerDeps {
  readonly functions: Pick<FunctionStore, 'get'>
  readonly schedules: ScheduleStore
  readonly events: Pick<EventStore, 'record'>
  readonly calls: ScheduledCalls
  /** Functions that share a tick are spread over so long. */
  readonly spreadMs: number
  readonly observer: ScheduleMetrics
  readonly now: () => number
  readonly log: Logger
}

/** However far the next tick is, so often the clock is looked at: it may have been set. */
const LOOK_AGAIN_MS = 30_000
/** A queue that is full is asked again after so long. */
const FULL_AGAIN_MS = 5000

/** Hands the calls of schedules over to the queue of asynchronous calls, each tick at most once. */
export class ScheduleReconciler implements Reconciler {
  readonly name = 'schedule'
  readonly #deps: ScheduleReconcilerDeps
  constructor(deps: ScheduleReconcilerDeps) {
    this.#deps = deps
  }

  async reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const { functions, observer, now } = this.#deps
    const object = await functions.get(key)
    if (object === undefined || object.metadata.deletionRequestedAt !== undefined) {
      observer.forgotten(key)
      return {}
    }
    const scheduling = schedulingOf(object.metadata.annotations)
    const records = await this.#tidy(object, scheduling)
    if (scheduling === undefined) return await this.#withoutSchedules(key, object)
    observer.readable(key, true)
    const outlooks: Outlook[] = []
    for (const schedule of scheduling.schedules) {
      signal.throwIfAborted()
      const record = records.find(known => known.schedule === schedule.text)
      outlooks.push(await this.#keep({ key, object, scheduling, schedule }, record))
    }
    observer.nextDue(key, earliest(outlooks.map(({ dueAt }) => dueAt)))
    const lookAt = earliest(outlooks.map(({ dueAt, lookAt = dueAt }) => lookAt)) ?? Number.POSITIVE_INFINITY
    // A tick is run when it is due, and not a moment before.
    return { requeueAfter: Math.max(1, Math.min(LOOK_AGAIN_MS, lookAt - now())) }
  }

  /** Its records, without those of schedules that it has not any more. Of annotations that cannot be read all stay. */
  async #tidy({ metadata }: FunctionObject, scheduling: Scheduling | undefined): Promise<ScheduleRecord[]> {
    const { schedules } = this.#deps
    const records = await schedules.list(metadata.uid)
    if (scheduling === undefined && isScheduled(metadata.annotations)) return records
    const isWanted = ({ schedule, timezone }: ScheduleRecord) =>
      timezone === scheduling?.timezone && scheduling.schedules.some(({ text }) => text === schedule)
    for (const record of records) if (!isWanted(record)) await schedules.remove(record)
    return records.filter(isWanted)
  }

  async #withoutSchedules(key: string, { metadata }: FunctionObject): Promise<Result> {
    const { observer } = this.#deps
    if (!isScheduled(metadata.annotations)) {
      observer.forgotten(key)
      return {}
    }
    observer.nextDue(key, undefined)
    observer.readable(key, false)
    const faults = scheduleFaults(metadata.annotations)
    const message = `the function is not called by the clock: ${faults.map(fault => fault.message).join('; ')}`
    await this.#tell(metadata, { type: 'Warning', reason: 'ScheduleInvalid', message })
    return {}
  }

  /** Does what is due of one schedule. */
  async #keep(kept: Kept, known: ScheduleRecord | undefined): Promise<Outlook> {
    const { schedules, now } = this.#deps
    const { metadata } = kept.object
    const key = { uid: metadata.uid, schedule: kept.schedule.text, timezone: kept.scheduling.timezone }
    const rules = this.#rulesOf(kept)
    let record = known ?? begin(key, { now: now(), delayMs: rules.delayMs })
    if (known === undefined) await schedules.put(record)
    for (;;) {
      if (record.claim !== undefined) {
        const settled = await this.#handOver(kept, record, record.claim)
        if (settled === undefined) return { dueAt: record.claim, lookAt: now() + FULL_AGAIN_MS }
        record = settled
      }
      const decision = decide(record, rules, { now: now(), isFormerActive: await this.#isActive(kept, record) })
      if (decision.kind === 'wait') return { dueAt: decision.at }
      await schedules.put(decision.record)
      record = decision.record
      await this.#report(kept, decision)
    }
  }

  #rulesOf({ object, scheduling, schedule }: Kept): ScheduleRules {
    const delayMs = delayOf(object.metadata.uid, this.#deps.spreadMs)
    return { ...scheduling, ticks: schedule.ticks, delayMs }
  }

  async #isActive({ scheduling }: Kept, { last }: ScheduleRecord): Promise<boolean> {
    if (last === undefined || scheduling.concurrency === 'allow') return false
    return await this.#deps.calls.isActive(last.call)
  }

  /** The record without its claim; undefined when the queue does not take the call now. */
  async #handOver({ key, object }: Kept, record: ScheduleRecord, tick: number): Promise<ScheduleRecord | undefined> {
    const { calls, schedules, observer, now, log } = this.#deps
    let settled: ScheduleRecord
    try {
      const { id } = await calls.enqueue(callOf(object.metadata, record, tick))
      settled = handedOver(record, id, now())
      observer.ran(key)
      log.info({ key, schedule: record.schedule, tick: new Date(tick).toISOString(), call: id }, 'Ran schedule')
    } catch (err) {
      if (err instanceof QueueFullError) {
        const message = `a call of "${record.schedule}" waits until the queue takes it: ${err.message}`
        await this.#tell(object.metadata, { type: 'Warning', reason: 'ScheduleDelayed', message })
        return undefined
      }
      if (!(err instanceof NotFoundError)) throw err
      // It was deleted meanwhile: another pass will find it gone.
      settled = givenUp(record)
    }
    await schedules.put(settled)
    return settled
  }

  async #report({ key, object }: Kept, decision: Exclude<Decision, { kind: 'wait' }>): Promise<void> {
    const { observer, now, log } = this.#deps
    if (decision.kind === 'skip') observer.skipped(key)
    if (decision.kind !== 'note') observer.missed(key, decision.due.count - (decision.kind === 'miss' ? 0 : 1))
    const event = eventOf(decision, now())
    if (event === undefined) return
    log.warn({ key, reason: event.reason, schedule: decision.record.schedule }, 'Told of schedule')
    await this.#tell(object.metadata, event)
  }

  async #tell({ namespace, name, uid }: FunctionObject['metadata'], event: ScheduleEvent): Promise<void> {
    await this.#deps.events.record({ namespace, name, uid, ...event })
  }
}

/** When the next tick of a schedule is due, or was; and when to look at it, if not then. Milliseconds since the epoch. */
interface Outlook {
  readonly dueAt: number | undefined
  readonly lookAt?: number
}

function earliest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter(time => time !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}

interface Kept {
  readonly key: string
  readonly object: FunctionObject
  readonly scheduling: Scheduling
  readonly schedule: Schedule
}
