import type { Environment } from '../environment.ts'
import { terminalSafe } from './terminal.ts'

const DEFAULT_COLUMNS = 80

/** What is waited for, on the standard error: one line that is rewritten on a terminal, a line for each change elsewhere. */
export class Progress implements Disposable {
  readonly #stderr: Environment['stderr']
  #last = ''

  constructor({ stderr }: Pick<Environment, 'stderr'>) {
    this.#stderr = stderr
  }

  /** Shows this in the place of what was shown last. */
  show(text: string): void {
    const line = terminalSafe(text)
    if (line === this.#last) return
    this.#last = line
    if (this.#stderr.isTTY !== true) {
      this.#stderr.write(`${line}\n`)
      return
    }
    // A line that wraps could not be rewritten.
    const width = (this.#stderr.columns || DEFAULT_COLUMNS) - 1
    this.#stderr.write(`\r\u001b[K${[...line].slice(0, width).join('')}`)
  }

  /** Takes the line away from a terminal, so that other text can follow. */
  clear(): void {
    if (this.#stderr.isTTY === true && this.#last !== '') this.#stderr.write('\r\u001b[K')
    this.#last = ''
  }

  [Symbol.dispose](): void {
    this.clear()
  }
}
