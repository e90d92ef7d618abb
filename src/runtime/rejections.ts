import type { Logger } from '../logging/logger.ts'
import type { Component } from './manager.ts'

export interface RejectionsOptions {
  readonly log: Logger
  /** Told of each. */
  readonly onRejection: () => void
}

/**
 * Keeps the process when a promise fails that nobody waits for: that is a fault of the program in one piece of work, and must not end
 * every call that is under way. What is thrown outside of promises ends the process as before, as nobody knows what it left half done.
 */
export class Rejections implements Component {
  readonly name = 'rejections'
  readonly #tell: (err: unknown) => void

  constructor({ log, onRejection }: RejectionsOptions) {
    this.#tell = err => {
      log.error({ err }, 'Promise failed that nobody waits for')
      onRejection()
    }
  }

  start(): void {
    process.on('unhandledRejection', this.#tell)
  }

  stop(): void {
    process.off('unhandledRejection', this.#tell)
  }
}
