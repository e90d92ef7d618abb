import { engineFault, engineMessage } from './engine-fault.ts'
import { EngineError, type EngineFault, faultOf } from './faults.ts'

/** Told of each call that ended, with its seconds. */
export type ObserveCall = (operation: string, fault: EngineFault | 'none', seconds: number) => void

export interface Call {
  /** Such as `container_create`; a label of metrics. */
  readonly operation: string
  /** What it is about, for people. */
  readonly subject?: string
  readonly signal: AbortSignal | undefined
  readonly timeoutMs: number
  /** Aborts when the engine is taken for away. */
  readonly givenUp?: AbortSignal
  /** Whether the engine answers what else it is asked; it does not when left out. */
  readonly isEngineThere?: () => boolean
  /** What a rejection means, where it is not what it usually means. */
  readonly faultOf?: (err: unknown) => EngineFault
}

/**
 * What `send` gives, if it does before the deadline and before the signal aborts. Rejects with `EngineError` only:
 * `aborted` when the caller's signal ended it, `timeout` when the deadline did.
 */
export async function runCall<T>(
  call: Call,
  observe: ObserveCall,
  send: (deadline: Deadline) => Promise<T>
): Promise<T> {
  const started = performance.now()
  const deadline = new Deadline(call.timeoutMs, call.signal, call.givenUp)
  let fault: EngineFault | 'none' = 'none'
  try {
    return await send(deadline)
  } catch (err) {
    const error = toEngineError(call, deadline, err)
    fault = error.fault
    throw error
  } finally {
    deadline.stop()
    observe(call.operation, fault, (performance.now() - started) / 1000)
  }
}

/** What the call gives; undefined where the engine's refusal says that there is nothing to do. */
export async function unless<T>(faults: readonly EngineFault[], call: Promise<T>): Promise<T | undefined> {
  try {
    return await call
  } catch (err) {
    if (faults.includes(faultOf(err))) return undefined
    throw err
  }
}

/** A caller's signal, and a time after which it aborts as well. */
export class Deadline {
  /** For the request. */
  readonly abortSignal: AbortSignal
  readonly #controller = new AbortController()
  readonly #timer: NodeJS.Timeout

  constructor(timeoutMs: number, ...signals: readonly (AbortSignal | undefined)[]) {
    this.#timer = setTimeout(() => this.#controller.abort(), timeoutMs)
    this.abortSignal = AbortSignal.any([this.#controller.signal, ...signals.filter(signal => signal !== undefined)])
  }

  get hasPassed(): boolean {
    return this.#controller.signal.aborted
  }

  /** Starts the time anew. */
  extend(): void {
    if (!this.hasPassed) this.#timer.refresh()
  }

  /** Only the caller's signal aborts from now on. */
  stop(): void {
    clearTimeout(this.#timer)
  }
}

/** The `EngineError` that says what a rejection means. */
function toEngineError(call: Call, deadline: Deadline, cause: unknown): EngineError {
  const { operation, subject = '', signal, givenUp } = call
  const what = `${operation.replace('_', ' ')} ${subject}`.trim()
  const options = { cause, isEngineThere: call.isEngineThere?.() === true }
  if (signal?.aborted) return new EngineError(operation, 'aborted', `${what} was aborted`, { cause })
  if (givenUp?.aborted)
    return new EngineError(operation, 'unavailable', `${what} was given up: engine is away`, options)
  if (deadline.hasPassed) return new EngineError(operation, 'timeout', `${what} timed out`, options)
  const fault = (call.faultOf ?? engineFault)(cause)
  return new EngineError(operation, fault, `${what} failed: ${engineMessage(cause)}`, options)
}
