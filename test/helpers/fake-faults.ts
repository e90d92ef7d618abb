import { EngineError, type EngineFault } from '../../src/engine/faults.ts'

interface Injected {
  readonly fault: EngineFault
  readonly after: boolean
  left: number
}

/** Faults to come, by operation, and the mutating calls that were made. */
export class FakeFaults {
  /** `container_create hello-0`, in the order in which they arrived, also those that failed. */
  readonly journal: string[] = []
  readonly #injected = new Map<string, Injected[]>()

  add(operation: string, fault: EngineFault, { after = false, times = 1 } = {}): void {
    this.#injected.set(operation, [...(this.#injected.get(operation) ?? []), { fault, after, left: times }])
  }

  clear(): void {
    this.#injected.clear()
  }

  /** Runs one call as the engine would, in a later microtask, with the fault that is due. */
  async run<T>(operation: string, subject: string, signal: AbortSignal | undefined, effect: () => T): Promise<T> {
    await Promise.resolve()
    if (signal?.aborted) throw new EngineError(operation, 'aborted', `${operation} ${subject} was aborted`)
    const due = this.#take(operation)
    if (due !== undefined && !due.after) throw injected(operation, subject, due.fault)
    const result = effect()
    if (due !== undefined) throw injected(operation, subject, due.fault)
    return result
  }

  /** As `run`, and written into the journal. */
  async mutate<T>(operation: string, subject: string, signal: AbortSignal | undefined, effect: () => T): Promise<T> {
    this.journal.push(`${operation} ${subject}`)
    return this.run(operation, subject, signal, effect)
  }

  #take(operation: string): Injected | undefined {
    const due = this.#injected.get(operation)?.find(one => one.left > 0)
    if (due !== undefined) due.left--
    return due
  }
}

export function refusal(operation: string, fault: EngineFault, message: string): EngineError {
  return new EngineError(operation, fault, message)
}

function injected(operation: string, subject: string, fault: EngineFault): EngineError {
  return new EngineError(operation, fault, `${operation} ${subject} failed: injected ${fault}`)
}
