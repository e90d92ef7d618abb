import type { Engine, EngineInfo } from './engine.ts'

/** What the engine says of itself, asked once and kept until it is asked again. */
export class EngineFacts {
  readonly #engine: Pick<Engine, 'info'>
  #known: EngineInfo | undefined

  constructor(engine: Pick<Engine, 'info'>) {
    this.#engine = engine
  }

  /** As it was said last; asks when it never was. Rejects with what the engine's answer ended with. */
  async get(signal?: AbortSignal): Promise<EngineInfo> {
    return this.#known ?? this.refresh(signal)
  }

  /** Asks afresh: it may be another engine, or have been configured anew. */
  async refresh(signal?: AbortSignal): Promise<EngineInfo> {
    this.#known = await this.#engine.info(signal)
    return this.#known
  }
}
