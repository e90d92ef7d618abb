import { duration, field, integer } from './field.ts'
import { HOUR_MS, SECOND_MS, YEAR_MS } from './units.ts'

/** How often and how long the loop looks, and how long it leaves things alone. */
export const loopFields = {
  RECONCILE_INTERVAL_SECONDS: field(
    integer(1, 86_400, 'seconds'),
    '30',
    'Every function is looked at at least this often'
  ),
  RECONCILE_CONCURRENCY: field(integer(1, 256), '8', 'How many functions are reconciled at the same time'),
  RECONCILE_DEADLINE: field(
    duration(SECOND_MS, HOUR_MS),
    '60s',
    'A pass over one function that takes longer is given up'
  ),
  READY_TIMEOUT: field(duration(SECOND_MS), '60s', 'A replica that does not answer for so long has failed'),
  DRAIN_TIMEOUT: field(duration(), '60s', 'How long calls of an outdated replica may go on before it is stopped'),
  STOP_GRACE: field(duration(), '10s', 'Time between asking a replica to stop and killing it'),
  GC_GRACE: field(
    duration(),
    '60s',
    'How long an object without an owner is left alone, and a deletion waits for a network that the engine keeps'
  ),
  GC_INTERVAL: field(duration(SECOND_MS), '60s', 'How often objects without an owner and unused images are looked for'),
  IMAGE_GC_GRACE: field(
    duration(0, YEAR_MS),
    '24h',
    'How long an image that was pulled for a function stays when nothing uses it any more, unless the disk is full; 0: for good'
  ),
  SCHEDULE_SPREAD: field(
    duration(0, 60_000),
    '1s',
    'Functions whose schedules share a tick are called spread over so long, each at its own place'
  )
} as const
