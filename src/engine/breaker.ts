import { EngineError, type EngineFault, faultOf } from './faults.ts'

export interface BreakerOptions {
  /** Calls in a row without an answer that open it; 5 when left out. */
  readonly threshold?: number
  /** For how long it then lets nothing through, before it tries with one call; 1 s when left out. */
  readonly cooldownMs?: number
  /** Milliseconds of a clock that never jumps. */
  readonly monotonic?: () => number
  /** Told when it opens, with what it opened for, and when it closes. */
  readonly onChange?: (isOpen: boolean, why: unknown) => void
}

const UNANSWERED: ReadonlySet<EngineFault> = new Set(['unavailable', 'timeout'])

/**
 * Keeps calls away from an engine that does not answer, so that a socket that hangs holds up one caller and not all of
 * them for the length of the deadline. Opens after some calls in a row without an answer; then fails fast, and lets one
 * call through at a time to see whether the engine is back. Any answer closes it, a refusal as well. A missed heartbeat
 * opens it at once, and gives up the calls that run; then only a heartbeat closes it.
 */
export class Breaker {
  readonly #threshold: number
  readonly #cooldownMs: number
  readonly #monotonic: () => number
  readonly #onChange: (isOpen: boolean, why: unknown) => void
  readonly #running = new Set<AbortController>()
  #failures = 0
  #probeAt = 0
  #probing = false
  /** What the last heartbeat ended with, when it was missed. */
  #missed: unknown
  #wasOpen = false

  constructor(options: BreakerOptions = {}) {
    const { threshold = 5, cooldownMs = 1000, monotonic = () => performance.now(), onChange } = options
    this.#threshold = threshold
    this.#cooldownMs = cooldownMs
    this.#monotonic = monotonic
    this.#onChange = onChange ?? (() => undefined)
  }

  get isOpen(): boolean {
    return this.#missed !== undefined || this.#failures >= this.#threshold
  }

  /**
   * What `call` gives; its signal aborts when the call is given up. Rejects with fault `unavailable`, and calls nothing,
   * while the engine is kept free of calls.
   */
  async run<T>(operation: string, call: (givenUp: AbortSignal) => Promise<T>): Promise<T> {
    if (!this.isOpen) return this.#settled(call)
    if (this.#missed !== undefined || this.#probing || this.#monotonic() < this.#probeAt) {
      const why = this.#missed instanceof Error ? `: ${this.#missed.message}` : ''
      const message = `${operation.replace('_', ' ')} was not sent: engine is away${why}`
      throw new EngineError(operation, 'unavailable', message, { cause: this.#missed })
    }
    this.#probing = true
    try {
      return await this.#settled(call)
    } finally {
      this.#probing = false
    }
  }

  /** What `call` gives, whatever the state: it is let through always, and counts only when the engine answers. */
  async pass<T>(call: () => Promise<T>): Promise<T> {
    const result = await call()
    this.#answered()
    return result
  }

  /** Notes whether the engine answered its heartbeat. An answer says nothing of calls that go unanswered beside it. */
  beat(err?: unknown): void {
    const wasMissed = this.#missed !== undefined
    this.#missed = err
    if (wasMissed === (err !== undefined)) return
    if (err === undefined) this.#failures = 0
    this.#tell(err)
    if (err === undefined) return
    for (const call of this.#running) call.abort()
  }

  async #settled<T>(call: (givenUp: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController()
    this.#running.add(controller)
    try {
      const result = await call(controller.signal)
      this.#answered()
      return result
    } catch (err) {
      this.#count(err, faultOf(err))
      throw err
    } finally {
      this.#running.delete(controller)
    }
  }

  #count(err: unknown, fault: EngineFault): void {
    if (fault === 'aborted') return
    if (UNANSWERED.has(fault)) {
      this.#failures++
      this.#probeAt = this.#monotonic() + this.#cooldownMs
      this.#tell(err)
    } else {
      this.#answered()
    }
  }

  #answered(): void {
    this.#failures = 0
    this.#tell(undefined)
  }

  #tell(why: unknown): void {
    if (this.isOpen === this.#wasOpen) return
    this.#wasOpen = this.isOpen
    this.#onChange(this.isOpen, why)
  }
}
