import { EngineError, type EngineFault, faultOf } from './faults.ts'

export interface BreakerOptions {
  /** Calls in a row without an answer that open it; 5 when left out. */
  readonly threshold?: number
  /** For how long it then lets nothing through, before it tries with one call; 1 s when left out. */
  readonly cooldownMs?: number
  /** Milliseconds of a clock that never jumps. */
  readonly monotonic?: () => number
}

const UNANSWERED: ReadonlySet<EngineFault> = new Set(['unavailable', 'timeout'])

/**
 * Keeps calls away from an engine that does not answer, so that a socket that hangs holds up one caller and not all of
 * them for the length of the deadline. Opens after some calls in a row without an answer; then fails fast, and lets one
 * call through at a time to see whether the engine is back. Any answer closes it, a refusal as well.
 */
export class Breaker {
  readonly #threshold: number
  readonly #cooldownMs: number
  readonly #monotonic: () => number
  #failures = 0
  #probeAt = 0
  #probing = false

  constructor({ threshold = 5, cooldownMs = 1000, monotonic = () => performance.now() }: BreakerOptions = {}) {
    this.#threshold = threshold
    this.#cooldownMs = cooldownMs
    this.#monotonic = monotonic
  }

  get isOpen(): boolean {
    return this.#failures >= this.#threshold
  }

  /** What `call` gives. Rejects with fault `unavailable`, and calls nothing, while the engine is kept free of calls. */
  async run<T>(operation: string, call: () => Promise<T>): Promise<T> {
    if (!this.isOpen) return this.#settled(call())
    if (this.#probing || this.#monotonic() < this.#probeAt) {
      throw new EngineError(operation, 'unavailable', `${operation.replace('_', ' ')} was not sent: engine is away`)
    }
    this.#probing = true
    try {
      return await this.#settled(call())
    } finally {
      this.#probing = false
    }
  }

  /** What `call` gives, whatever the state: it is let through always, and counts only when the engine answers. */
  async pass<T>(call: () => Promise<T>): Promise<T> {
    const result = await call()
    this.#failures = 0
    return result
  }

  async #settled<T>(call: Promise<T>): Promise<T> {
    try {
      const result = await call
      this.#failures = 0
      return result
    } catch (err) {
      this.#count(faultOf(err))
      throw err
    }
  }

  #count(fault: EngineFault): void {
    if (fault === 'aborted') return
    if (!UNANSWERED.has(fault)) {
      this.#failures = 0
      return
    }
    this.#failures++
    this.#probeAt = this.#monotonic() + this.#cooldownMs
  }
}
