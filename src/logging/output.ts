import { writeSync } from 'node:fs'

const RETRY_MS = 5
/** A reader of a non-blocking pipe that takes nothing for so long is not waited for again until it takes something. */
const PATIENCE_MS = 1000

/**
 * Writes lines to a file descriptor before it gives back, so that none is lost when the process exits or crashes straight
 * after it. (Writes of `process.stdout` to a pipe are not done by then.) When nobody reads any more, lines are dropped:
 * there is nowhere left to say so.
 */
export class LogOutput {
  readonly #fd: number
  #isStalled = false
  /** Whether the last line was cut, so that the next one needs a fresh one. */
  #isCut = false

  constructor(fd: number) {
    this.#fd = fd
  }

  write(line: string): void {
    const bytes = Buffer.from(this.#isCut ? `\n${line}` : line)
    let offset = 0
    for (let waitedMs = 0; offset < bytes.length; waitedMs += RETRY_MS) {
      const written = this.#tryWrite(bytes, offset)
      if (written === undefined) return
      offset += written
      if (written > 0) this.#isStalled = false
      else if (this.#isStalled || waitedMs >= PATIENCE_MS) break
      else sleep(RETRY_MS)
    }
    this.#isStalled = offset < bytes.length
    if (offset > 0) this.#isCut = offset < bytes.length
  }

  /** How many bytes it took; 0 when there is no room now, undefined when there never will be. */
  #tryWrite(bytes: Buffer, offset: number): number | undefined {
    try {
      return writeSync(this.#fd, bytes, offset)
    } catch (err) {
      return (err as NodeJS.ErrnoException).code === 'EAGAIN' ? 0 : undefined
    }
  }
}

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}
