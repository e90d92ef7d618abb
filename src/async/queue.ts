import { setTimeout as sleep } from 'node:timers/promises'
import { NotFoundError, QueueFullError } from '../../api/errors.ts'
import type { Enqueue } from '../../api/invocation.ts'
import type { Clock } from '../clock.ts'
import { StoreUnavailableError } from '../store/errors.ts'
import { payloadBytes } from '../store/invocation-rows.ts'
import type { InvocationStore } from '../store/invocation-store.ts'
import type { Lane, Lanes } from './lanes.ts'

export interface QueueLimits {
  /** Calls of one function that have not ended. */
  readonly maxPerFunction: number
  /** Bytes that are kept of all calls that have not ended, of requests and of answers; one function may have half of them. */
  readonly maxBytes: number
}

export interface QueueDeps {
  readonly store: Pick<InvocationStore, 'accept' | 'get'>
  readonly lanes: Lanes
  readonly limits: QueueLimits
  /** Whether the function is written down and not being deleted. */
  readonly exists: (namespace: string, name: string) => boolean | Promise<boolean>
  readonly clock: Clock
  readonly newId: () => string
  /** A call was accepted. */
  readonly onAccepted: (lane: Lane) => void
  /** A call was not, as too much waits. */
  readonly onFull: (key: string) => void
}

/** How soon the store is asked again after it failed. */
const STORE_RETRY_MS = 1000
const MAX_STORE_RETRY_MS = 30_000

/** Takes asynchronous calls in. */
export class AsyncQueue {
  readonly #deps: QueueDeps
  constructor(deps: QueueDeps) {
    this.#deps = deps
  }

  /** See `Enqueue`. */
  readonly enqueue: Enqueue = async draft => {
    const { store, lanes, clock, newId, onAccepted, exists } = this.#deps
    const { namespace, name, body, headers } = draft
    const isKnown = exists(namespace, name)
    if (!(isKnown instanceof Promise ? await isKnown : isKnown))
      throw new NotFoundError('function', `${namespace}/${name}`)
    const bytes = payloadBytes({ head: headers, body })
    this.#requireRoom(`${namespace}/${name}`, bytes)
    const lane = lanes.of(namespace, name)
    const now = clock.now()
    const id = newId()
    // Counted before it is written, or as many as are under way would come on top of the bound.
    lanes.wait(lane, 'queued', { bytes, now })
    try {
      const accepted = await store.accept({ ...draft, id, now })
      if (accepted.isNew) onAccepted(lane)
      else lanes.leave(lane, 'queued', bytes)
      return accepted
    } catch (err) {
      if (err instanceof StoreUnavailableError) void this.#findOut(lane, id, bytes)
      else lanes.leave(lane, 'queued', bytes)
      throw err
    }
  }

  /**
   * The disk failed while the call was written, and whether it is there is not known: its place is kept until the store can be asked,
   * or it would wait for the next start. Never rejects.
   */
  async #findOut(lane: Lane, id: string, bytes: number): Promise<void> {
    const { store, lanes, onAccepted } = this.#deps
    for (let waitMs = STORE_RETRY_MS; ; waitMs = Math.min(waitMs * 2, MAX_STORE_RETRY_MS)) {
      const found = await store
        .get(id)
        .catch((err: unknown) => (err instanceof StoreUnavailableError ? 'later' : 'never'))
      // The store was closed: the next process looks at all.
      if (found === 'never') return
      if (found === undefined) lanes.leave(lane, 'queued', bytes)
      else if (found !== 'later') onAccepted(lane)
      if (found !== 'later') return
      await sleep(waitMs, undefined, { ref: false })
    }
  }

  #requireRoom(key: string, bytes: number): void {
    const { lanes, limits, onFull } = this.#deps
    const lane = lanes.find(key)
    const calls =
      lane === undefined ? 0 : lane.waiting.queued + lane.busy.queued + lane.settling + lane.waiting.reporting
    const limit = limitThatIsMet({ calls, bytes: (lane?.bytes ?? 0) + bytes, allBytes: lanes.bytes + bytes }, limits)
    if (limit === undefined) return
    onFull(key)
    throw new QueueFullError(key, limit)
  }
}

function limitThatIsMet(
  { calls, bytes, allBytes }: { calls: number; bytes: number; allBytes: number },
  { maxPerFunction, maxBytes }: QueueLimits
): string | undefined {
  if (calls >= maxPerFunction) return `${maxPerFunction} of one function may wait`
  if (bytes > maxBytes / 2) return `headers and bodies of one function may have ${maxBytes / 2} bytes together`
  if (allBytes > maxBytes) return `all headers and bodies may have ${maxBytes} bytes together`
  return undefined
}
