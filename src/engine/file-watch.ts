import { type StatsListener, unwatchFile, watchFile } from 'node:fs'

/**
 * Tells of each change of a file, its coming and going included, within `intervalMs`. By looking at it: an event would
 * be lost where the file is replaced, or its folder is mounted into a container.
 */
export class FileWatch {
  readonly #path: string
  readonly #listener: StatsListener
  readonly #intervalMs: number

  constructor(path: string, onChange: () => void, intervalMs = 2000) {
    this.#path = path
    this.#intervalMs = intervalMs
    this.#listener = (now, before) => {
      if (now.mtimeMs !== before.mtimeMs || now.ino !== before.ino || now.size !== before.size) onChange()
    }
  }

  start(): void {
    watchFile(this.#path, { interval: this.#intervalMs, persistent: false }, this.#listener)
  }

  stop(): void {
    unwatchFile(this.#path, this.#listener)
  }
}
