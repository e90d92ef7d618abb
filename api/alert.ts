import * as z from 'zod'

/** Beyond that nobody groups alerts; each one is a write. */
const MAX_ALERTS = 1000

/** One alert that begins, or is over. */
export const AlertStatus = z.enum(['firing', 'resolved'])
export type AlertStatus = z.infer<typeof AlertStatus>

/** Body of `POST /system/alert`: what Alertmanager's webhook sends, as far as it is read. */
export const AlertMessage = z.object({
  alerts: z
    .array(z.object({ status: AlertStatus, labels: z.record(z.string(), z.unknown()).default({}) }))
    .max(MAX_ALERTS)
    .nullish()
})

/**
 * What became of an alert: its function was `scaled`, has that many replicas already, is `left` as others decide its size, or is
 * `unknown`.
 */
export const ALERT_OUTCOMES = ['scaled', 'unchanged', 'left', 'unknown'] as const

export const AlertOutcome = z.object({
  outcome: z.enum(ALERT_OUTCOMES),
  /** That are wanted now; absent of what is unknown. */
  replicas: z.int().min(0).optional(),
  /** Why it is left, or unknown. */
  message: z.string().optional()
})
export type AlertOutcome = Readonly<z.infer<typeof AlertOutcome>>
