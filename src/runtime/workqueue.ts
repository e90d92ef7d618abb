import PQueue from 'p-queue'
import type { Clock } from '../clock.ts'
import type { Timers } from './timers.ts'

/** What the queue tells of itself. */
export interface WorkqueueObserver {
  readonly added: () => void
  /** A key got a worker, this long after it became due. */
  readonly waited: (seconds: number) => void
  readonly worked: (seconds: number) => void
  readonly watch: (state: () => { readonly depth: number; readonly unfinishedSeconds: number }) => void
}

export interface WorkqueueOptions {
  readonly name: string
  /** How many keys are worked on at the same time. */
  readonly concurrency: number
  /** Must not reject: whoever owns the queue decides what a failure means. */
  readonly work: (key: string) => Promise<void>
  readonly clock: Pick<Clock, 'monotonic'>
  readonly timers: Timers
  readonly observer?: WorkqueueObserver
  /** False: keys are taken, and wait for `start`. */
  readonly autoStart?: boolean
}

/** Whose turn is sooner when several keys wait for a worker. */
type Turn = 'urgent' | 'first' | 'normal' | 'last'
const PRIORITIES: Readonly<Record<Turn, number>> = { urgent: 2, first: 1, normal: 0, last: -1 }

interface Due {
  readonly since: number
  turn: Turn
}

interface Delay {
  readonly dueAt: number
  readonly timer: unknown
}

/**
 * Keys that want work. A key is there once however often it was added, is never worked on twice at the same time, and is
 * worked on again when it was added meanwhile. Of several wishes for one key the earliest counts: the pass that it
 * brings about looks at everything, and asks for the next one itself. Holds nothing of a key that wants no work.
 */
export class Workqueue {
  readonly name: string
  /** Due keys: waiting for a worker, or running and to run again. */
  readonly #dirty = new Map<string, Due>()
  /** Keys that are worked on → since when. */
  readonly #running = new Map<string, number>()
  readonly #delayed = new Map<string, Delay>()
  readonly #pool: PQueue
  /** Workers of their own for what is urgent, as many again: the others may all be busy for long. */
  readonly #urgentPool: PQueue
  readonly #work: (key: string) => Promise<void>
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #timers: Timers
  readonly #observer: WorkqueueObserver | undefined
  #stopped = false

  constructor({ name, concurrency, work, clock, timers, observer, autoStart = true }: WorkqueueOptions) {
    this.name = name
    this.#pool = new PQueue({ concurrency, autoStart })
    this.#urgentPool = new PQueue({ concurrency, autoStart })
    this.#work = work
    this.#clock = clock
    this.#timers = timers
    this.#observer = observer
    observer?.watch(() => ({ depth: this.depth, unfinishedSeconds: this.#unfinishedSeconds() }))
  }

  /** Keys that are due and wait: for a worker, or for their own pass to end. */
  get depth(): number {
    return this.#dirty.size
  }

  /** Keys that are worked on. */
  get running(): number {
    return this.#running.size
  }

  /** Keys that become due later. */
  get delayed(): number {
    return this.#delayed.size
  }

  /** Whether the key is due or worked on; not when it only becomes due later. */
  has(key: string): boolean {
    return this.#dirty.has(key) || this.#running.has(key)
  }

  /** Lets the workers begin. */
  start(): void {
    if (this.#stopped) return
    this.#pool.start()
    this.#urgentPool.start()
  }

  /** The key is due now; a later wish for it is forgotten. */
  add(key: string): void {
    this.#add(key, 'normal')
  }

  /** The key is due now, and waits for no worker that is busy with another: its work is short, and somebody waits for it. */
  addUrgent(key: string): void {
    this.#add(key, 'urgent')
  }

  /** The key is due now, and before all that wait for a worker. */
  addFirst(key: string): void {
    this.#add(key, 'first')
  }

  /** The key is due now, and after all others that wait for a worker, unless it is due already. */
  addLast(key: string): void {
    this.#add(key, 'last')
  }

  /** The key is due in so many milliseconds, unless it is earlier anyway. */
  addAfter(key: string, ms: number): void {
    if (this.#stopped || this.#dirty.has(key)) return
    if (ms <= 0) {
      this.add(key)
      return
    }
    const dueAt = this.#clock.monotonic() + ms
    const pending = this.#delayed.get(key)
    if (pending !== undefined && pending.dueAt <= dueAt) return
    this.#cancelDelay(key)
    this.#delayed.set(key, { dueAt, timer: this.#timers.set(() => this.add(key), ms) })
  }

  /** Takes nothing new, drops what waits, and resolves when nothing is worked on any more. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const key of [...this.#delayed.keys()]) this.#cancelDelay(key)
    this.#dirty.clear()
    for (const pool of [this.#pool, this.#urgentPool]) pool.clear()
    await Promise.all([this.#pool.onIdle(), this.#urgentPool.onIdle()])
  }

  #add(key: string, turn: Turn): void {
    if (this.#stopped) return
    this.#cancelDelay(key)
    const due = this.#dirty.get(key)
    if (due === undefined) {
      this.#dirty.set(key, { since: this.#clock.monotonic(), turn })
      this.#observer?.added()
      if (!this.#running.has(key)) this.#schedule(key, turn)
    } else if (PRIORITIES[turn] > PRIORITIES[due.turn]) {
      due.turn = turn
      if (this.#running.has(key)) return
      if (turn === 'urgent') this.#schedule(key, turn)
      else this.#pool.setPriority(key, PRIORITIES[turn])
    }
  }

  #schedule(key: string, turn: Turn): void {
    const pool = turn === 'urgent' ? this.#urgentPool : this.#pool
    void pool.add(() => this.#run(key), { id: key, priority: PRIORITIES[turn] })
  }

  async #run(key: string): Promise<void> {
    // One that became urgent while it waited has two places, and comes up once.
    if (!this.#dirty.has(key) || this.#running.has(key)) return
    const startedAt = this.#clock.monotonic()
    this.#observer?.waited((startedAt - (this.#dirty.get(key)?.since ?? startedAt)) / 1000)
    this.#dirty.delete(key)
    this.#running.set(key, startedAt)
    try {
      await this.#work(key)
    } finally {
      this.#running.delete(key)
      this.#observer?.worked((this.#clock.monotonic() - startedAt) / 1000)
      const due = this.#dirty.get(key)
      if (due !== undefined) this.#schedule(key, due.turn)
    }
  }

  #cancelDelay(key: string): void {
    const pending = this.#delayed.get(key)
    if (pending === undefined) return
    this.#timers.clear(pending.timer)
    this.#delayed.delete(key)
  }

  #unfinishedSeconds(): number {
    const now = this.#clock.monotonic()
    let total = 0
    for (const startedAt of this.#running.values()) total += now - startedAt
    return total / 1000
  }
}
