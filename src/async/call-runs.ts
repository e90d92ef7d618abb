import type { Clock } from '../clock.ts'
import type { ClaimedInvocation, InvocationStore, MovedInvocation } from '../store/invocation-store.ts'
import type { AsyncLog } from './dispatcher-deps.ts'

export interface CallRunsDeps {
  readonly store: Pick<InvocationStore, 'renew' | 'takeBack'>
  readonly owner: string
  readonly clock: Clock
  readonly leaseMs: number
  readonly log: AsyncLog
  /** Calls whose lease ran out were put back. */
  readonly onBack: (moved: readonly MovedInvocation[]) => void
}

interface Run {
  readonly seq: number
  readonly controller: AbortController
}

/** The calls that this process has taken: their leases are made longer for as long as they run, and they can be broken off. */
export class CallRuns {
  readonly #deps: CallRunsDeps
  readonly #runs = new Map<string, Run>()
  readonly #stop = new AbortController()
  #renewal: NodeJS.Timeout | undefined
  #emptied = Promise.withResolvers<void>()

  constructor(deps: CallRunsDeps) {
    this.#deps = deps
  }

  get count(): number {
    return this.#runs.size
  }

  /** Runs the work under a signal that aborts when the call is broken off. */
  async run<T>({ id, seq }: ClaimedInvocation, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController()
    this.#runs.set(id, { seq, controller })
    this.#renewal ??= setInterval(() => void this.#renew(), this.#deps.leaseMs / 3).unref()
    try {
      return await work(controller.signal)
    } finally {
      this.#runs.delete(id)
      if (this.#runs.size === 0) {
        clearInterval(this.#renewal)
        this.#renewal = undefined
        this.#emptied.resolve()
        this.#emptied = Promise.withResolvers()
      }
    }
  }

  abort(id: string, reason: Error): void {
    this.#runs.get(id)?.controller.abort(reason)
  }

  abortAll(reason: Error): void {
    this.#stop.abort(reason)
    for (const { controller } of this.#runs.values()) controller.abort(reason)
  }

  /** Waits, but not beyond `abortAll`. */
  async pause(ms: number): Promise<void> {
    const { signal } = this.#stop
    if (signal.aborted) return
    await new Promise<void>(resolve => {
      const end = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', end)
        resolve()
      }
      const timer = setTimeout(end, ms)
      signal.addEventListener('abort', end)
    })
  }

  /** Resolves when none runs. */
  async whenEmpty(): Promise<void> {
    if (this.#runs.size > 0) await this.#emptied.promise
  }

  async #renew(): Promise<void> {
    const { store, owner, clock, leaseMs, log, onBack } = this.#deps
    try {
      const now = clock.now()
      const seqs = [...this.#runs.values()].map(({ seq }) => seq)
      const renewed = store.renew(seqs, owner, now + leaseMs)
      const back = store.takeBack({ owner, now, all: false })
      await renewed
      onBack(await back)
    } catch (err) {
      log.error({ err }, 'Failed to renew leases of asynchronous calls')
    }
  }
}
