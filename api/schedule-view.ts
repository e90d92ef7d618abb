import * as z from 'zod'
import { count, text, timestamp } from './wire/shape.ts'

/** One schedule of a function as the API shows it. Times are RFC 3339. */
export const ScheduleView = z.object({
  namespace: text('openfaas-fn'),
  function: text('report'),
  /** As its annotation has it. */
  schedule: text('0 6 * * *'),
  timezone: text('Europe/Berlin'),
  suspended: z.boolean(),
  concurrency: z.enum(['allow', 'forbid']),
  /** Why it is not run at all. */
  fault: text('must say when').optional(),
  /** The next tick; absent while there is none. */
  next: timestamp().optional(),
  /** The last tick that was handed over. */
  last: z
    .object({
      tick: timestamp(),
      /** When it was handed over. */
      at: timestamp(),
      /** Id of its invocation. */
      call: text('0198f3c0-7e1a-7c3e-8a7b-5d2c9a1e4f60'),
      /** Where that is; absent when nothing is known of it any more. */
      phase: text('done').optional(),
      /** Status of its last answer. */
      status: count(200).optional()
    })
    .optional(),
  /** Ticks since the schedule is known: handed over, left out as the call before had not ended, and missed. */
  runs: count(12),
  skipped: count(0),
  missed: count(0)
})
export type ScheduleView = z.infer<typeof ScheduleView>
