import type { Engine, LogQuery } from '../engine/engine.ts'
import { EngineError, type EngineFault } from '../engine/faults.ts'
import type { KeptLine, LastLinesRecord, LastLinesStore } from '../store/last-lines.ts'
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
  /** What was kept of containers that are gone. */
  readonly lastLines: Pick<LastLinesStore, 'get' | 'list'>
}

const UNANSWERED: ReadonlySet<EngineFault> = new Set(['unavailable', 'timeout', 'aborted'])

/** So many lines the engine finds from the end of a log; to find those since a time it reads all of it. */
const RECENT_LINES = 500

/** The log of one container, which is read in pieces, and no line of it twice. */
export class ReplicaLog {
  readonly id: string
  /** Of its container. */
  name: string
  readonly #deps: ReplicaLogDeps
  readonly #cursor = new LogCursor()
  /** From when on lines are wanted at all. */
  #since: string | undefined
  #hasRead = false

  constructor(deps: ReplicaLogDeps, { id, name }: Listed) {
    this.#deps = deps
    this.id = id
    this.name = name
  }

  /** It may be moved aside for its successor. */
  rename(name: string): void {
    this.name = name
  }

  /**
   * The lines of a query, the first time; then those that came since. Of a container that is gone those that were kept. Throws
   * other faults.
   */
  async *read(query: LogQuery, signal: AbortSignal): AsyncGenerator<FunctionLine> {
    const rest = this.#rest(query)
    const { engine } = this.#deps
    try {
      const recent = { ...rest, tail: RECENT_LINES }
      const isJoined =
        this.#cursor.since !== undefined && (yield* this.#fresh(engine.readLogs(this.id, recent, signal), 'recent'))
      if (!isJoined && !signal.aborted) yield* this.#fresh(engine.readLogs(this.id, rest, signal))
    } catch (err) {
      if (!(err instanceof EngineError) || err.fault !== 'not-found') throw err
      const record = await this.#deps.lastLines.get(this.id)
      yield* this.#fresh(select(record?.lines ?? [], rest))
    }
  }

  /**
   * Those that were not read before. Of only the most recent ones none is given, and `false`, unless one that was read before comes
   * first: there may be others between.
   */
  async *#fresh(
    lines: AsyncIterable<KeptLine> | Iterable<KeptLine>,
    which: 'recent' | 'all' = 'all'
  ): AsyncGenerator<FunctionLine, boolean> {
    const isNew = this.#hasRead ? this.#cursor.again() : () => true
    let isJoined = which === 'all'
    for await (const { timestamp, text } of lines) {
      this.#hasRead = true
      const isFresh = isNew(timestamp)
      if (isFresh && !isJoined) return false
      isJoined = true
      if (!isFresh) continue
      this.#cursor.note(timestamp)
      yield { instance: this.name, timestamp, text }
    }
    this.#hasRead = true
    return isJoined
  }

  #rest(query: LogQuery): LogQuery {
    if (!this.#hasRead) {
      this.#since = query.since
      return query
    }
    const since = this.#cursor.since ?? this.#since
    return { follow: query.follow === true, ...(since === undefined ? {} : { since }) }
  }
}

/** What was kept of a container that is gone, as far as it is asked for. */
export async function* keptLines({ instance, lines }: LastLinesRecord, query: LogQuery): AsyncGenerator<FunctionLine> {
  for (const line of select(lines, query)) yield { instance, ...line }
}

function select(lines: readonly KeptLine[], { since, tail }: LogQuery): readonly KeptLine[] {
  const last = tail === undefined ? lines : lines.slice(Math.max(0, lines.length - tail))
  return since === undefined ? last : last.filter(({ timestamp }) => timestamp >= since)
}

/** The same, and nothing of a log that the engine refuses to give, as it does of some that are dead for good. */
export async function* readable(lines: AsyncIterable<FunctionLine>): AsyncGenerator<FunctionLine> {
  try {
    yield* lines
  } catch (err) {
    if (!(err instanceof EngineError) || UNANSWERED.has(err.fault)) throw err
  }
}
