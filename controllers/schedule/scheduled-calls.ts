import type { InvocationDraft } from '../../api/invocation.ts'
import { CRON_TOPIC, tickKey } from '../../api/schedule.ts'
import type { ScheduleRecord } from '../../api/schedule-record.ts'

/** The queue of asynchronous calls, as far as schedules need it. */
export interface ScheduledCalls {
  /** See `Enqueue`. */
  readonly enqueue: (draft: InvocationDraft) => Promise<{ readonly id: string }>
  /** Whether a call waits or is being carried out; false when nothing is known of it any more. */
  readonly isActive: (id: string) => Promise<boolean>
}

/**
 * The call that a tick becomes: the same as often as it is asked for, so that it is made once. Source of `X-Connector` and
 * `X-Topic`: the cron connector of OpenFaaS; the others are ours.
 */
export function callOf(
  { namespace, name }: { readonly namespace: string; readonly name: string },
  { uid, schedule, timezone }: Pick<ScheduleRecord, 'uid' | 'schedule' | 'timezone'>,
  tick: number
): InvocationDraft {
  return {
    ...{ namespace, name, method: 'POST', path: '/', body: new Uint8Array() },
    headers: [
      ...['X-Connector', 'cron-connector', 'X-Topic', CRON_TOPIC],
      ...['X-Schedule', schedule, 'X-Schedule-Timezone', timezone],
      ...['X-Schedule-Tick', new Date(tick).toISOString()]
    ],
    dedupeKey: tickKey(uid, timezone, schedule, tick)
  }
}
