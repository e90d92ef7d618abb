import * as z from 'zod'

/** One schedule of a function as the API shows it. Times are RFC 3339. */
export const ScheduleView = z.object({
  namespace: z.string(),
  function: z.string(),
  /** As its annotation has it. */
  schedule: z.string(),
  timezone: z.string(),
  suspended: z.boolean(),
  concurrency: z.enum(['allow', 'forbid']),
  /** Why it is not run at all. */
  fault: z.string().optional(),
  /** The next tick; absent while there is none. */
  next: z.string().optional(),
  /** The last tick that was handed over. */
  last: z
    .object({
      tick: z.string(),
      /** When it was handed over. */
      at: z.string(),
      /** Id of its invocation. */
      call: z.string(),
      /** Where that is; absent when nothing is known of it any more. */
      phase: z.string().optional(),
      /** Status of its last answer. */
      status: z.number().optional()
    })
    .optional(),
  /** Ticks since the schedule is known: handed over, left out as the call before had not ended, and missed. */
  runs: z.number(),
  skipped: z.number(),
  missed: z.number()
})
export type ScheduleView = z.infer<typeof ScheduleView>
