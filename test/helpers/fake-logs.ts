import type { LogLine, LogQuery } from '../../src/engine/engine.ts'

interface Log {
  readonly lines: LogLine[]
  /** What was written since the last end of a line. */
  unended: string
  /** Those who follow it. */
  readonly waiting: Set<() => void>
  /** How often its container has ended. */
  ends: number
}

const MAX_TAIL_CHARS = 64 * 1024
const MAX_LINE_BYTES = 64 * 1024

/** What containers write, line by line, and who follows it. */
export class FakeLogs {
  readonly #byId = new Map<string, Log>()
  readonly #now: () => number
  #written = 0
  constructor(now: () => number) {
    this.#now = now
  }

  add(id: string, line: Partial<LogLine>): void {
    const log = this.#get(id)
    log.lines.push({ timestamp: this.#nextTimestamp(), stream: 'stdout', text: '', ...line })
    wake(log)
  }

  /** Bytes on stdout: each line that they end is in the log at once, the rest when the container ends. */
  write(id: string, bytes: Buffer): void {
    const lines = bytes.toString('latin1').split('\n')
    this.#get(id).unended = lines.pop() ?? ''
    for (const line of lines) this.#addLine(id, line.replace(/\r$/, ''))
  }

  /** The container ended, or is gone. */
  end(id: string): void {
    const log = this.#get(id)
    const { unended } = log
    log.unended = ''
    if (unended !== '') this.#addLine(id, unended)
    log.ends++
    wake(log)
  }

  tail(id: string, count: number): string {
    const { lines } = this.#get(id)
    const last = lines.slice(count === 0 ? lines.length : -count)
    return last
      .map(({ text }) => `${text}\n`)
      .join('')
      .slice(-MAX_TAIL_CHARS)
  }

  /** Ends at the end of the container, or at once when it does not run. */
  async *read(id: string, query: LogQuery & { readonly isUp: boolean }, signal: AbortSignal): AsyncGenerator<LogLine> {
    const { since = '', tail, follow = false, isUp } = query
    const log = this.#get(id)
    const { ends } = log
    const length = log.lines.length
    const first = log.lines.slice(tail === undefined ? 0 : Math.max(0, length - tail))
    yield* first.filter(({ timestamp }) => timestamp >= since)
    let next = length
    while (follow && isUp && !signal.aborted) {
      const line = log.lines[next]
      if (line !== undefined) {
        next++
        yield line
      } else if (log.ends !== ends) return
      else await change(log, signal)
    }
  }

  #addLine(id: string, latin1: string): void {
    const bytes = Buffer.from(latin1, 'latin1')
    const timestamp = this.#nextTimestamp()
    for (let start = 0; start === 0 || start < bytes.length; start += MAX_LINE_BYTES) {
      this.add(id, { timestamp, text: bytes.subarray(start, start + MAX_LINE_BYTES).toString() })
    }
  }

  #get(id: string): Log {
    const log = this.#byId.get(id) ?? { lines: [], unended: '', waiting: new Set(), ends: 0 }
    this.#byId.set(id, log)
    return log
  }

  /** No two are the same. */
  #nextTimestamp(): string {
    const nanos = String(this.#written++ % 1_000_000).padStart(6, '0')
    return new Date(this.#now()).toISOString().replace('Z', `${nanos}Z`)
  }
}

function wake(log: Log): void {
  for (const resolve of [...log.waiting]) resolve()
}

function change(log: Log, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const done = () => {
      log.waiting.delete(done)
      signal.removeEventListener('abort', done)
      resolve()
    }
    log.waiting.add(done)
    signal.addEventListener('abort', done)
  })
}
