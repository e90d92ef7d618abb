import type { Engine, LogLine, LogQuery } from '../engine/engine.ts'
import { EngineError, type EngineFault } from '../engine/faults.ts'
import { LogCursor } from './cursor.ts'
import type { Listed } from './roster.ts'

/** A line of a function, and which replica wrote it. */
export interface FunctionLine {
  /** Name of the container, as lists show it. */
  readonly instance: string
  /** RFC 3339 in UTC with nine digits after the point. */
  readonly timestamp: string
  readonly text: string
}

export interface ReplicaLogDeps {
  readonly engine: Pick<Engine, 'readLogs'>
}

const UNANSWERED: ReadonlySet<EngineFault> = new Set(['unavailable', 'timeout', 'aborted'])

/** The log of one container, which is read in pieces, and no line of it twice. */
export class ReplicaLog {
  readonly id: string
  readonly #deps: ReplicaLogDeps
  readonly #cursor = new LogCursor()
  #name: string
  /** From when on lines are wanted at all. */
  #since: string | undefined
  #hasRead = false

  constructor(deps: ReplicaLogDeps, { id, name }: Listed) {
    this.#deps = deps
    this.id = id
    this.#name = name
  }

  /** It may be moved aside for its successor. */
  rename(name: string): void {
    this.#name = name
  }

  /** The lines of a query, the first time; then those that came since. None of a container that is gone. Throws other faults. */
  async *read(query: LogQuery, signal: AbortSignal): AsyncGenerator<FunctionLine> {
    const isNew = this.#hasRead ? this.#cursor.again() : () => true
    try {
      for await (const line of this.#deps.engine.readLogs(this.id, this.#rest(query), signal)) {
        this.#hasRead = true
        if (!isNew(line.timestamp)) continue
        this.#cursor.note(line.timestamp)
        yield this.#toLine(line)
      }
      this.#hasRead = true
    } catch (err) {
      if (!(err instanceof EngineError) || err.fault !== 'not-found') throw err
    }
  }

  #rest(query: LogQuery): LogQuery {
    if (!this.#hasRead) {
      this.#since = query.since
      return query
    }
    const since = this.#cursor.since ?? this.#since
    return { follow: query.follow === true, ...(since === undefined ? {} : { since }) }
  }

  #toLine({ timestamp, text }: LogLine): FunctionLine {
    return { instance: this.#name, timestamp, text }
  }
}

/** The same, and nothing of a log that the engine refuses to give, as it does of some that are dead for good. */
export async function* readable(lines: AsyncIterable<FunctionLine>): AsyncGenerator<FunctionLine> {
  try {
    yield* lines
  } catch (err) {
    if (!(err instanceof EngineError) || UNANSWERED.has(err.fault)) throw err
  }
}
