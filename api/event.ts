import * as z from 'zod'
import { EventReason } from './event-reason.ts'
import { EVENT_TYPES } from './event-type.ts'
import { ProblemAnswer } from './wire/problem.ts'

/** Something that happened to an object; repetitions are counted, not listed. */
export const FaasEvent = z
  .object({
    id: z.int(),
    namespace: z.string(),
    name: z.string(),
    uid: z.string(),
    type: z.enum(EVENT_TYPES),
    reason: EventReason,
    message: z.string(),
    count: z.int().describe('how often it happened, as this event tells it'),
    firstAt: z.iso.datetime(),
    lastAt: z.iso.datetime(),
    resourceVersion: z.int().describe('where it stands among all events; greater each time that it happens again')
  })
  .readonly()
  .meta({ id: 'Event' })
export type FaasEvent = z.infer<typeof FaasEvent>

/** Events, newest first; a watch goes on from `metadata.resourceVersion`. */
export const EventList = z
  .object({
    apiVersion: z.literal('v1'),
    kind: z.literal('EventList'),
    metadata: z.object({ resourceVersion: z.int() }),
    items: z.array(FaasEvent)
  })
  .meta({ id: 'EventList' })
/** One line of a watch of events. */
export const EventWatchLine = z
  .object({
    type: z.enum(['ADDED', 'MODIFIED', 'ERROR']),
    object: z.union([FaasEvent, ProblemAnswer])
  })
  .meta({ id: 'EventWatchLine' })
export type EventList = z.infer<typeof EventList>
