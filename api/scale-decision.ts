/** What the autoscaler does to the size of a function. */
export const SCALE_DIRECTIONS = ['up', 'down', 'freeze', 'thaw', 'zero'] as const
export type ScaleDirection = (typeof SCALE_DIRECTIONS)[number]

/** Why it does so; clients may match on them. */
export const SCALE_REASONS = {
  up: ['above-target', 'busy', 'below-min', 'alert-firing'],
  down: ['below-target', 'calm', 'above-max', 'alert-resolved'],
  freeze: ['idle'],
  thaw: ['called'],
  zero: ['idle', 'frozen-long-enough']
} as const satisfies Record<ScaleDirection, readonly string[]>
export type ScaleReason = (typeof SCALE_REASONS)[ScaleDirection][number]

/** Why it leaves the size as it is. */
export const HOLD_REASONS = [
  'as-wanted',
  'pinned',
  'alerted',
  'at-zero',
  'frozen',
  'no-data',
  'starting',
  'not-ready',
  'rate-limited',
  'quota',
  'peak'
] as const
export type HoldReason = (typeof HOLD_REASONS)[number]
