import { type FileHandle, open } from 'node:fs/promises'
import { StoreUnavailableError } from './errors.ts'

/**
 * The file to which commits are written first. SQLite flushes it in the thread that commits, which is that of everything else; here it
 * is flushed beside it. What a checkpoint has moved to the database file meanwhile, it has flushed itself.
 */
export class WriteAheadLog {
  readonly #path: string
  #file: FileHandle | undefined
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined

  constructor(path: string) {
    this.#path = path
  }

  /**
   * Resolves when what is in it now is on the disk. Those who ask while it is being flushed share the next one. Throws
   * `StoreUnavailableError` when the disk fails: whether it is there then is not known.
   */
  flush(): Promise<void> {
    if (this.#running === undefined) return this.#start()
    this.#next ??= this.#running
      .catch(() => undefined) // it was for others, who were told
      .then(() => {
        this.#next = undefined
        return this.#start()
      })
    return this.#next
  }

  async close(): Promise<void> {
    await this.#next?.catch(() => undefined)
    await this.#running?.catch(() => undefined)
    await this.#file?.close()
    this.#file = undefined
  }

  #start(): Promise<void> {
    this.#running = this.#flush().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #flush(): Promise<void> {
    try {
      this.#file ??= await open(this.#path, 'r+')
      await this.#file.datasync()
    } catch (err) {
      throw new StoreUnavailableError('its log could not be flushed', { cause: err })
    }
  }
}
