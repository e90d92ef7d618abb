import type { EntityManager } from '@mikro-orm/sqlite'
import type { FaasEvent } from '../../api/event.ts'
import { type Clock, toTimestamp } from '../clock.ts'
import { EventEntity, type EventRow } from './entities.ts'
import { type Database, PLAIN } from './orm.ts'
import { sqlText } from './sql-text.ts'
import type { EventDraft, EventListOptions, EventStore } from './store.ts'

const REPEAT_WINDOW_MS = 60 * 60 * 1000
const MAX_AGE_MS = 7 * 24 * 60 * 60 * 1000
const KEPT_PER_OBJECT = 100
/** Longer messages are cut. Source: Kubernetes' limit for event notes. */
const MAX_MESSAGE = 1024

const NEWEST_FIRST = { lastAt: 'desc', id: 'desc' } as const

/** Events in SQLite. See `EventStore` for what each method promises. */
export class Events implements EventStore {
  readonly #database: Database
  readonly #clock: Clock
  constructor(deps: { readonly database: Database; readonly clock: Clock }) {
    this.#database = deps.database
    this.#clock = deps.clock
  }

  async record(event: EventDraft): Promise<void> {
    const { namespace, name, uid, type, reason } = event
    const draft = { namespace, name, uid, type, reason, message: sqlText(event.message).slice(0, MAX_MESSAGE) }
    await this.#database.write(async em => {
      const now = this.#clock.now()
      await countOrInsert(em, draft, now)
      await prune(em, draft, now)
    })
  }

  list(options: EventListOptions = {}): Promise<FaasEvent[]> {
    const { namespaces = 'all', name, limit } = options
    const where = {
      ...(namespaces !== 'all' && { namespace: { $in: [...namespaces].map(sqlText) } }),
      ...(name !== undefined && { name: sqlText(name) })
    }
    return this.#database.read(async em => {
      const rows = await em.find(EventEntity, where, {
        ...PLAIN,
        orderBy: NEWEST_FIRST,
        ...(limit !== undefined && { limit: Math.max(0, limit) })
      })
      return rows.map(toEvent)
    })
  }
}

async function countOrInsert(em: EntityManager, draft: EventDraft, now: number): Promise<void> {
  const { uid, type, reason, message } = draft
  const since = toTimestamp(now - REPEAT_WINDOW_MS)
  const same = await em.findOne(
    EventEntity,
    { uid, type, reason, message, lastAt: { $gt: since } },
    { ...PLAIN, orderBy: NEWEST_FIRST }
  )
  const lastAt = toTimestamp(now)
  if (same === null) await em.insert(EventEntity, { ...draft, count: 1, firstAt: lastAt, lastAt })
  else await em.nativeUpdate(EventEntity, { id: same.id }, { count: same.count + 1, lastAt })
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
  const { id, namespace, name, uid, message, count, firstAt, lastAt } = row
  return {
    id,
    namespace,
    name,
    uid,
    type: row.type as FaasEvent['type'],
    reason: row.reason as FaasEvent['reason'],
    message,
    count,
    firstAt,
    lastAt
  }
}
