import * as z from 'zod'
import { AlertOutcome, AlertStatus } from '../alert.ts'

/** `POST /system/alert`. */
export const AlertAnswer = z.object({
  alerts: z.array(
    AlertOutcome.extend({
      /** As the alert names it. */
      function: z.string(),
      status: AlertStatus
    })
  )
})
export type AlertAnswer = z.infer<typeof AlertAnswer>
