import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import type { Engine } from '../engine/engine.ts'
import { findOwnContainer } from '../engine/self.ts'

/** The container that this process runs in, once the engine has told. */
export class Self {
  readonly #engine: Pick<Engine, 'inspectContainer'>
  readonly #configuredName: string
  #id: string | undefined

  constructor(engine: Pick<Engine, 'inspectContainer'>, configuredName: string) {
    this.#engine = engine
    this.#configuredName = configuredName
  }

  /** Absent on a host, and until `find` has succeeded. */
  get id(): string | undefined {
    return this.#id
  }

  /** Asks the engine; rejects when that does not answer, and keeps what was known. */
  async find(): Promise<void> {
    this.#id = await findOwnContainer({
      engine: this.#engine,
      configuredName: this.#configuredName,
      readFile: path => readFile(path, 'utf8'),
      hostname: hostname()
    })
  }
}
