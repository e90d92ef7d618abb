import type { RetrySettings } from '../../api/call-settings.ts'
import type { CallContext, Waiting } from './call-context.ts'
import type { CallLimits } from './call-limits.ts'
import { type Head, headerOf } from './relay.ts'
import { parseRetryAfter, retryWaitMs } from './retry-policy.ts'

/** Tries of one call that annotations of its function ask for. */
export class Retries implements Waiting {
  readonly #context: CallContext
  readonly #onDue: () => void
  /** How often it was tried, apart from tries that cannot have had an effect. */
  #tries = 1
  #timer: NodeJS.Timeout | undefined

  /** `onDue`: it is to be tried now, if at all: the proxy may be closing. */
  constructor(context: CallContext, onDue: () => void) {
    this.#context = context
    this.#onDue = onDue
  }

  /** Whether there will be another try in place of an answer with this status, of a call that came `elapsedMs` ago. */
  plan(answer: number | Head, settings: RetrySettings, limits: CallLimits, elapsedMs: number): boolean {
    if (this.#context.isClosing) return false
    const { clock, random } = this.#context.deps
    const isHead = typeof answer !== 'number'
    const waitMs = retryWaitMs({
      settings,
      status: isHead ? answer.status : answer,
      tries: this.#tries,
      retryAfterMs: isHead ? parseRetryAfter(headerOf(answer.raw, 'retry-after'), clock.now()) : undefined,
      // A client that is told nothing for longer than a call may be silent has left.
      leftMs: (limits.totalMs ?? limits.idleMs) - elapsedMs,
      random: random()
    })
    if (waitMs === undefined) return false
    this.#timer = setTimeout(() => this.endWait(), waitMs)
    this.#context.retrying.add(this)
    return true
  }

  /** The wait for the next try is over. */
  endWait(): void {
    this.cancel()
    this.#tries++
    this.#onDue()
  }

  /** There will be no other try. */
  cancel(): void {
    clearTimeout(this.#timer)
    this.#context.retrying.delete(this)
  }
}
