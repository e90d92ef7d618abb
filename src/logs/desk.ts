import type { FunctionObject } from '../../api/function.ts'
import type { LogsRequest } from '../../api/log-line.ts'
import { keyOf } from '../../api/meta.ts'
import { Places } from '../places.ts'
import type { LastLinesRecord, LastLinesStore } from '../store/last-lines.ts'
import type { FunctionStore } from '../store/store.ts'
import { type FollowDeps, FunctionFollow } from './follow.ts'
import { lastOf, mergeByTime } from './merge.ts'
import { type FunctionLine, keptLines, ReplicaLog, readable } from './replica-log.ts'
import type { Listed, Rosters } from './roster.ts'

export interface LogDeskDeps extends FollowDeps {
  readonly lastLines: FollowDeps['lastLines'] & Pick<LastLinesStore, 'onPut'>
  readonly rosters: Rosters
  readonly functions: Pick<FunctionStore, 'get' | 'onChange'>
  /** So many readers at a time. */
  readonly maxReaders: number
  readonly metrics: LogMetrics
}

export interface LogMetrics {
  /** How many read logs now. */
  readonly setLogReaders: (count: number) => void
  readonly logLineSent: () => void
  readonly logReaderRefused: () => void
}

/** Lines that are held for a reader; who asks for more of a replica gets what was kept of its earlier containers on top. */
const MOST_HELD = 1000

/** Reads the logs of functions for whoever asks. But for a tail, nothing is kept: a reader that is slow slows down the reading from the engine. */
export class LogDesk {
  readonly #deps: LogDeskDeps
  readonly #places: Places

  constructor(deps: LogDeskDeps) {
    this.#deps = deps
    const { maxReaders: max, metrics } = deps
    this.#places = new Places({ max, onTaken: metrics.setLogReaders, onRefused: metrics.logReaderRefused })
  }

  /**
   * The lines of the function, those of all its replicas by time, then those that come as they come; undefined when too many
   * read already. The reader counts until `signal` aborts; nothing is read for one who has left. Throws when the engine does not
   * say which replicas there are.
   */
  async open(
    object: FunctionObject,
    request: LogsRequest,
    signal: AbortSignal
  ): Promise<AsyncIterable<FunctionLine> | undefined> {
    if (signal.aborted) return nothing()
    if (!this.#places.take(request.tokenId, signal)) return undefined
    const lines = request.follow
      ? await this.#follow(object, request, signal)
      : await this.#read(object, request, signal)
    return this.#counted(lines)
  }

  async *#counted(lines: AsyncIterable<FunctionLine>): AsyncGenerator<FunctionLine> {
    for await (const line of lines) {
      this.#deps.metrics.logLineSent()
      yield line
    }
  }

  async #read(object: FunctionObject, request: LogsRequest, signal: AbortSignal): Promise<AsyncIterable<FunctionLine>> {
    const containers = await this.#deps.rosters.look(keyOf(object.metadata))
    const logs = containers.filter(matcher(request)).map(container => new ReplicaLog(this.#deps, container))
    const gone = await this.#gone(object, { request, containers })
    return mergeByTime(this.#sources({ request, gone, logs }, signal))
  }

  async #follow(
    object: FunctionObject,
    request: LogsRequest,
    signal: AbortSignal
  ): Promise<AsyncIterable<FunctionLine>> {
    const key = keyOf(object.metadata)
    const { rosters } = this.#deps
    const follow = new FunctionFollow(this.#deps, { key, matches: matcher(request) }, signal)
    for (const stop of [rosters.follow(key, seen => follow.see(seen)), ...this.#tellOfFunction(object, follow)]) {
      signal.addEventListener('abort', stop, { once: true })
    }
    const containers = await rosters.look(key)
    const gone = await this.#gone(object, { request, containers })
    follow.leaveOut(gone.map(({ containerId }) => containerId))
    const sources = this.#sources({ request, gone, logs: follow.logs() }, signal)
    return inTurn(
      () => mergeByTime(sources),
      () => follow.lines()
    )
  }

  /** What was kept of containers that are gone. */
  async #gone(
    { metadata }: FunctionObject,
    { request, containers }: { request: LogsRequest; containers: readonly Listed[] }
  ): Promise<LastLinesRecord[]> {
    const isThere = new Set(containers.map(({ id }) => id))
    const records = await this.#deps.lastLines.list(metadata.uid)
    return records.filter(({ containerId, instance }) => !isThere.has(containerId) && matches(request, instance))
  }

  /** What is there: the logs of the containers, and what was kept of those that are gone; `tail` lines of each replica. */
  #sources(
    { request, gone, logs }: { request: LogsRequest; gone: readonly LastLinesRecord[]; logs: readonly ReplicaLog[] },
    signal: AbortSignal
  ): AsyncIterable<FunctionLine>[] {
    const query = queryOf(request)
    const sources = [
      ...gone.map(record => ({ name: record.instance, lines: keptLines(record, query) })),
      ...logs.map(log => ({ name: log.name, lines: readable(log.read(query, signal)) }))
    ]
    const ofReplicas = [...Map.groupBy(sources, ({ name }) => name).values()]
    const { tail } = request
    return ofReplicas.flatMap(parts => {
      const lines = parts.map(part => part.lines)
      return tail === undefined || tail > MOST_HELD || lines.length === 1 ? lines : [lastOf(mergeByTime(lines), tail)]
    })
  }

  /**
   * Tells `follow` of what is kept of the function's containers, and of its end; one that is made again in its place is followed on. Gives
   * what ends this.
   */
  #tellOfFunction({ metadata }: FunctionObject, follow: FunctionFollow): (() => void)[] {
    const { functions, lastLines } = this.#deps
    const key = keyOf(metadata)
    const uids = new Set([metadata.uid])
    return [
      lastLines.onPut(({ uid, containerId: id, instance: name }) => {
        if (uids.has(uid)) follow.seeKept({ id, name })
      }),
      functions.onChange(({ type, object }) => {
        if (keyOf(object.metadata) !== key) return
        uids.add(object.metadata.uid)
        if (type !== 'DELETED') return
        void functions.get(key).then(
          successor => successor === undefined && follow.end(),
          () => follow.end()
        )
      })
    ]
  }
}

async function* nothing(): AsyncGenerator<never> {
  // Nobody reads it.
}

async function* inTurn<T>(...parts: readonly (() => AsyncIterable<T>)[]): AsyncGenerator<T> {
  for (const part of parts) yield* part()
}

function matcher(request: LogsRequest): (container: Listed) => boolean {
  return ({ name }) => matches(request, name)
}

function matches({ instance }: LogsRequest, name: string): boolean {
  return instance === undefined || name === instance
}

function queryOf({ since, tail }: LogsRequest) {
  return { ...(since === undefined ? {} : { since }), ...(tail === undefined ? {} : { tail }) }
}
