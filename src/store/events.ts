import type { EntityManager } from '@mikro-orm/sqlite'
import type { FaasEvent } from '../../api/event.ts'
import { isWithin } from '../../api/scope.ts'
import { type Clock, toTimestamp } from '../clock.ts'
import { EventEntity, type EventRow } from './entities.ts'
import { EventTail } from './event-tail.ts'
import { nextEventVersion } from './meta.ts'
import { type Database, PLAIN } from './orm.ts'
import { sqlText } from './sql-text.ts'
import type { EventDraft, EventFilter, EventListOptions, EventStore } from './store.ts'
import { WakeUps } from './wake-ups.ts'

const REPEAT_WINDOW_MS = 60 * 60 * 1000
const MAX_AGE_MS = 7 * 24 * 60 * 60 * 1000
const KEPT_PER_OBJECT = 100
/** Longer messages are cut. Source: Kubernetes' limit for event notes. */
const MAX_MESSAGE = 1024
/** How many events a watch holds at once. */
const WATCH_BATCH = 100

/** By their positions: a clock that is set back must not make the last one the oldest, which goes first. */
const NEWEST_FIRST = { resourceVersion: 'desc' } as const

export interface EventsDeps {
  readonly database: Database
  readonly clock: Clock
  /** Of the event that was recorded last. */
  readonly resourceVersion: number
}

/** Events in SQLite. See `EventStore` for what each method promises. */
export class Events implements EventStore {
  readonly #database: Database
  readonly #clock: Clock
  #resourceVersion: number
  #closed = false
  readonly #tail: EventTail
  readonly #watchers = new WakeUps()

  constructor({ database, clock, resourceVersion }: EventsDeps) {
    this.#database = database
    this.#clock = clock
    this.#resourceVersion = resourceVersion
    this.#tail = new EventTail(resourceVersion)
  }

  async record(event: EventDraft): Promise<void> {
    const { namespace, name, uid, type, reason } = event
    const draft = { namespace, name, uid, type, reason, message: sqlText(event.message).slice(0, MAX_MESSAGE) }
    const work = async (em: EntityManager) => {
      const now = this.#clock.now()
      const resourceVersion = await nextEventVersion(em)
      const recorded = await countOrInsert(em, draft, { now, resourceVersion })
      await prune(em, draft, now)
      return recorded
    }
    await this.#database.write(work, {
      committed: recorded => {
        this.#tail.push(recorded)
        this.#resourceVersion = recorded.resourceVersion
        this.#watchers.wake()
      }
    })
  }

  list(options: EventListOptions = {}): Promise<FaasEvent[]> {
    const { limit, upTo } = options
    const where = { ...whereOf(options), ...(upTo !== undefined && { resourceVersion: { $lte: upTo } }) }
    return this.#database.read(async em => {
      const rows = await em.find(EventEntity, where, {
        ...PLAIN,
        orderBy: NEWEST_FIRST,
        ...(limit !== undefined && { limit: Math.max(0, limit) })
      })
      return rows.map(toEvent)
    })
  }

  resourceVersion(): number {
    return this.#resourceVersion
  }

  async *watch(resourceVersion: number, filter: EventFilter, signal: AbortSignal): AsyncGenerator<FaasEvent> {
    let position = resourceVersion
    while (!signal.aborted && !this.#closed) {
      const { events, to } = await this.#after(position, filter)
      yield* events
      position = to
      if (position >= this.#resourceVersion && !this.#closed) await this.#watchers.next(signal)
    }
  }

  /** Tells nobody any more what happened in the namespace, whose rows are gone. */
  forget(namespace: string): void {
    this.#tail.forget(namespace)
  }

  /** Ends every watch. */
  close(): void {
    this.#closed = true
    this.#watchers.wake()
  }

  /** What a watch that has come to the position tells next, and where it is then. */
  async #after(position: number, filter: EventFilter): Promise<{ events: readonly FaasEvent[]; to: number }> {
    const upTo = Math.max(position, this.#resourceVersion)
    const recent = this.#tail.after(position)
    if (recent !== undefined) return { events: recent.filter(event => matches(event, filter)), to: upTo }
    const events = await this.#between(position, upTo, filter)
    return { events, to: events.length === WATCH_BATCH ? (events.at(-1)?.resourceVersion ?? upTo) : upTo }
  }

  /** The oldest first; no more than a batch. */
  #between(after: number, upTo: number, filter: EventFilter): Promise<FaasEvent[]> {
    const where = { ...whereOf(filter), resourceVersion: { $gt: after, $lte: upTo } }
    return this.#database.read(async em => {
      const options = { ...PLAIN, orderBy: { resourceVersion: 'asc' }, limit: WATCH_BATCH } as const
      return (await em.find(EventEntity, where, options)).map(toEvent)
    })
  }
}

function whereOf({ namespaces = 'all', name, uid, type, reason, since }: EventFilter) {
  return {
    ...(namespaces !== 'all' && { namespace: { $in: [...namespaces].map(sqlText) } }),
    ...(name !== undefined && { name: sqlText(name) }),
    ...(uid !== undefined && { uid: sqlText(uid) }),
    ...(type !== undefined && { type }),
    ...(reason !== undefined && { reason: sqlText(reason) }),
    ...(since !== undefined && { lastAt: { $gte: since } })
  }
}

/** The same of one that is at hand. */
function matches(event: FaasEvent, { namespaces = 'all', since, ...rest }: EventFilter): boolean {
  const isNamed = (['name', 'uid', 'type', 'reason'] as const).every(
    field => rest[field] === undefined || rest[field] === event[field]
  )
  return isNamed && isWithin(namespaces, event.namespace) && (since === undefined || event.lastAt >= since)
}

async function countOrInsert(
  em: EntityManager,
  draft: EventDraft,
  { now, resourceVersion }: { now: number; resourceVersion: number }
): Promise<FaasEvent> {
  const { uid, type, reason, message } = draft
  const since = toTimestamp(now - REPEAT_WINDOW_MS)
  const same = await em.findOne(
    EventEntity,
    { uid, type, reason, message, lastAt: { $gt: since } },
    { ...PLAIN, orderBy: NEWEST_FIRST }
  )
  const lastAt = toTimestamp(now)
  if (same === null) {
    const first = { ...draft, count: 1, firstAt: lastAt, lastAt, resourceVersion }
    return { ...first, id: await em.insert(EventEntity, first) }
  }
  const again = { count: same.count + 1, lastAt, resourceVersion }
  await em.nativeUpdate(EventEntity, { id: same.id }, again)
  return toEvent({ ...same, ...again })
}

/** Removes what is too old of any object, and what is too much of this one. */
async function prune(em: EntityManager, { uid }: EventDraft, now: number): Promise<void> {
  await em.nativeDelete(EventEntity, { lastAt: { $lt: toTimestamp(now - MAX_AGE_MS) } })
  const surplus = await em.find(
    EventEntity,
    { uid },
    { ...PLAIN, orderBy: NEWEST_FIRST, offset: KEPT_PER_OBJECT, limit: KEPT_PER_OBJECT }
  )
  if (surplus.length > 0) await em.nativeDelete(EventEntity, { id: { $in: surplus.map(row => row.id) } })
}

function toEvent(row: EventRow): FaasEvent {
  const { id, namespace, name, uid, message, count, firstAt, lastAt, resourceVersion } = row
  return {
    ...{ id, namespace, name, uid },
    type: row.type as FaasEvent['type'],
    reason: row.reason as FaasEvent['reason'],
    ...{ message, count, firstAt, lastAt, resourceVersion }
  }
}
