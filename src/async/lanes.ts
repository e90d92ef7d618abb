import type { InvocationPhase } from '../../api/invocation.ts'
import type { InvocationCount, MovedInvocation } from '../store/invocation-store.ts'

/** What has to be done for a call: it is carried out, or its callback is delivered. */
export type Work = 'queued' | 'reporting'

/** The calls of one function that have not ended, in numbers. What they are is in the store alone. */
export interface Lane {
  readonly key: string
  readonly namespace: string
  readonly name: string
  /** Written down, and not taken. */
  readonly waiting: Record<Work, number>
  /** Being carried out, or delivered. */
  readonly busy: Record<Work, number>
  /** It is over, and not written down yet what became of them. */
  settling: number
  /** When the next may be taken, ms since the epoch; Infinity: none that is known of. */
  readonly dueAt: Record<Work, number>
  /** The store is being asked for some. */
  readonly isClaiming: Record<Work, boolean>
  /** Of all headers and bodies that are kept. */
  bytes: number
}

/** The numbers of calls by function. Functions without any have no lane. */
export class Lanes {
  readonly #lanes = new Map<string, Lane>()
  #bytes = 0

  /** Bytes that are kept of all calls that have not ended: headers and bodies of requests, and of answers that callbacks wait for. */
  get bytes(): number {
    return this.#bytes
  }

  /** In the order in which they came to be. */
  all(): IterableIterator<Lane> {
    return this.#lanes.values()
  }

  find(key: string): Lane | undefined {
    return this.#lanes.get(key)
  }

  /** The lane of a function, made when there is none. */
  of(namespace: string, name: string): Lane {
    const key = `${namespace}/${name}`
    const found = this.#lanes.get(key)
    if (found !== undefined) return found
    const lane: Lane = {
      ...{ key, namespace, name, bytes: 0, settling: 0 },
      waiting: { queued: 0, reporting: 0 },
      busy: { queued: 0, reporting: 0 },
      dueAt: { queued: Number.POSITIVE_INFINITY, reporting: Number.POSITIVE_INFINITY },
      isClaiming: { queued: false, reporting: false }
    }
    this.#lanes.set(key, lane)
    return lane
  }

  /** Takes over what the store has. */
  load(counts: readonly InvocationCount[], now: number): void {
    for (const { namespace, name, phase, count, bytes } of counts) {
      if (phase === 'queued' || phase === 'reporting') this.wait(this.of(namespace, name), phase, { count, bytes, now })
    }
  }

  /** Some more wait, and are due now. */
  wait(lane: Lane, work: Work, { count = 1, bytes, now }: { count?: number; bytes: number; now: number }): void {
    lane.waiting[work] += count
    lane.dueAt[work] = Math.min(lane.dueAt[work], now)
    this.#count(lane, bytes)
  }

  /** One that waited does not any more. */
  leave(lane: Lane, work: Work, bytes: number): void {
    lane.waiting[work]--
    this.#count(lane, -bytes)
    this.#dropEmpty(lane)
  }

  /** One that waited was taken. */
  take(lane: Lane, work: Work): void {
    lane.waiting[work]--
    lane.busy[work]++
  }

  /** One that was taken is over; so many bytes more are about to be kept of it. */
  end(lane: Lane, work: Work, grown: number): void {
    lane.busy[work]--
    lane.settling++
    this.#count(lane, grown)
  }

  /** One that is over is where it says now; undefined: it was taken away meanwhile, which was told by `move`. */
  settle(
    lane: Lane,
    to: { phase: InvocationPhase | undefined; bytes: number; bytesAfter: number; grown: number; dueAt: number }
  ): void {
    lane.settling--
    const { phase, bytes, bytesAfter, grown, dueAt } = to
    this.#count(lane, -grown)
    if (phase === 'queued' || phase === 'reporting') {
      lane.waiting[phase]++
      lane.dueAt[phase] = Math.min(lane.dueAt[phase], dueAt)
      this.#count(lane, bytesAfter - bytes)
    } else if (phase !== undefined) this.#count(lane, -bytes)
    this.#dropEmpty(lane)
  }

  /** Follows what the store did to many. */
  move(moved: readonly MovedInvocation[], now: number): void {
    for (const { namespace, name, from, to, bytes, bytesAfter } of moved) {
      const lane = this.of(namespace, name)
      const isOpen = from !== 'dead'
      if (from === 'queued' || from === 'reporting') lane.waiting[from]--
      if (isOpen) this.#count(lane, -bytes)
      if (to === 'queued' || to === 'reporting') this.wait(lane, to, { bytes: bytesAfter, now })
      this.#dropEmpty(lane)
    }
  }

  #count(lane: Lane, bytes: number): void {
    lane.bytes += bytes
    this.#bytes += bytes
  }

  #dropEmpty({ key, waiting, busy, settling, isClaiming }: Lane): void {
    const numbers = [waiting, busy].flatMap(({ queued, reporting }) => [queued, reporting])
    if (settling > 0 || isClaiming.queued || isClaiming.reporting || numbers.some(number => number !== 0)) return
    this.#lanes.delete(key)
  }
}
