import type { EngineInfo } from './engine.ts'
import type { EngineFault } from './faults.ts'

export interface EngineState {
  readonly reachable: boolean
  readonly version?: string
  readonly error?: string
}

/** What a call's fault says of the engine as a whole: nothing, that it is there, or that it is not. */
const UNREACHABLE: ReadonlySet<EngineFault | 'none'> = new Set(['unavailable', 'timeout'])
const NO_NEWS: ReadonlySet<EngineFault | 'none'> = new Set(['aborted'])

/** Whether the engine answers, as the last calls tell; asks nothing by itself. */
export class EngineHealth {
  #state: EngineState = { reachable: false, error: 'the engine was not asked yet' }

  get state(): EngineState {
    return this.#state
  }

  /** Notes how a call ended. A pull or an event stream says nothing: its other end may be a registry, or silence. */
  observe(operation: string, fault: EngineFault | 'none'): void {
    if (NO_NEWS.has(fault) || operation === 'image_pull' || operation === 'watch') return
    const { version } = this.#state
    const known = version === undefined ? {} : { version }
    this.#state = UNREACHABLE.has(fault)
      ? { ...known, reachable: false, error: `${operation} ended with ${fault}` }
      : { ...known, reachable: true }
  }

  /** Notes what the engine said of itself. */
  identified({ version }: EngineInfo): void {
    this.#state = { ...this.#state, version }
  }
}
