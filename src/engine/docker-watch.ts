import { aheadOf } from './docker-client.ts'
import { EVENT_FILTERS, parseEvents } from './docker-events.ts'
import type { EngineEvent } from './engine.ts'
import { engineMessage } from './engine-fault.ts'
import { EventAudit, type EventMark, type MissedEventsError } from './event-audit.ts'
import { EngineError } from './faults.ts'
import { jsonLines } from './json-lines.ts'

type Query = Readonly<Record<string, unknown>>

export interface WatchCalls {
  /** Opens a stream of events that goes on until the signal aborts. */
  readonly open: (query: Query, signal: AbortSignal) => Promise<AsyncIterable<Buffer>>
  /** Reads a stream of events that ends, as one call with a deadline. */
  readonly read: <T>(
    query: Query,
    signal: AbortSignal,
    consume: (body: AsyncIterable<Buffer>) => Promise<T>
  ) => Promise<T>
}

/** Changes as they happen. Throws when the stream breaks, ends, or is found to have lost something. */
export async function* watchEvents({ open, read }: WatchCalls, signal: AbortSignal): AsyncIterable<EngineEvent> {
  const ended = new AbortController()
  const both = AbortSignal.any([signal, ended.signal])
  let missed: MissedEventsError | undefined
  let audit: EventAudit | undefined
  try {
    const stream = await open({ filters: EVENT_FILTERS }, both)
    audit = new EventAudit({
      recall: (since, until) =>
        read({ filters: EVENT_FILTERS, since: since.toFixed(3), until: until.toFixed(3) }, both, body =>
          Array.fromAsync(jsonLines(body) as AsyncIterable<EventMark>)
        ),
      onMissed: err => {
        missed = err
        ended.abort()
      },
      aheadMs: aheadOf(stream)
    })
    void audit.run()
    yield { kind: 'connected' }
    yield* parseEvents(stream, event => audit?.delivered(event))
  } catch (cause) {
    if (signal.aborted) return
    if (missed !== undefined) throw missed
    if (cause instanceof EngineError) throw cause
    throw new EngineError('events', 'unavailable', `events broke off: ${engineMessage(cause)}`, { cause })
  } finally {
    audit?.stop()
    ended.abort()
  }
  if (signal.aborted) return
  throw missed ?? new EngineError('events', 'unavailable', 'the engine ended the stream of events')
}
