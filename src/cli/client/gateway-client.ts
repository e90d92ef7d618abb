import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { CliError, EXIT } from '../exit-code.ts'
import { readNdjson } from './ndjson.ts'
import { connectionError, type GatewayError, refusalOf } from './problem.ts'
import { type GatewayRequest, open, send, type Target } from './target.ts'

/** Of a call that is answered at once. */
const TIMEOUT_MS = 30_000

/** How a gateway is reached, and who speaks. */
export interface Connection extends Target {
  /** Value of `Authorization`; absent: as nobody. */
  readonly authorization?: string
  /** The namespace of commands that name none. */
  readonly namespace: string
  /** What helps when no gateway answers there. */
  readonly unreachable: string
  /** What helps when the credentials are not good. */
  readonly denied: string
  /** Is told what the gateway took, and thinks is a mistake. */
  readonly warn?: (text: string) => void
}

export interface CallOptions {
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  readonly headers?: Readonly<Record<string, string>>
}

/** One gateway, for a command. */
export class GatewayClient {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  get url(): string {
    return this.#connection.url
  }

  /** The namespace of commands that name none. */
  get namespace(): string {
    return this.#connection.namespace
  }

  /** The JSON of the answer, undefined for an empty one. Throws `GatewayError` with what the gateway says when it refuses. */
  async call<T = unknown>(method: string, path: string, body?: object, options: CallOptions = {}): Promise<T> {
    const request = this.#request({ method, path, ...(body === undefined ? {} : { body }) }, options)
    const {
      status,
      body: answer,
      warnings
    } = await this.#reach(send(this.#connection, { timeoutMs: TIMEOUT_MS, ...request }))
    for (const warning of warnings) this.#connection.warn?.(warning)
    if (status < 200 || status > 299) throw refusalOf(status, answer, this.#connection.denied)
    return (answer === '' ? undefined : this.#parse(answer)) as T
  }

  /** The same with undefined for a 404. */
  async find<T>(path: string, options: CallOptions = {}): Promise<T | undefined> {
    try {
      return await this.call<T>('GET', path, undefined, options)
    } catch (err) {
      if (err instanceof CliError && err.exitCode === EXIT.notFound) return undefined
      throw err
    }
  }

  /** An answer whose body is read as it comes, whatever its status. Without a deadline, unless `timeoutMs` is one for its head. */
  async open(request: GatewayRequest): Promise<IncomingMessage> {
    return await this.#reach(open(this.#connection, this.#request(request)))
  }

  /** The error of an answer that refuses. */
  async refusal(answer: IncomingMessage): Promise<GatewayError> {
    return refusalOf(answer.statusCode ?? 0, await text(answer), this.#connection.denied)
  }

  /**
   * Each line of a streamed answer, until it ends or `signal` is aborted, which is no fault. Throws `GatewayError` when the
   * gateway refuses.
   */
  async *stream<T>(path: string, signal?: AbortSignal): AsyncGenerator<T> {
    const request = { method: 'GET', path, ...(signal === undefined ? {} : { signal }) }
    try {
      const answer = await this.open(request)
      if (answer.statusCode !== 200) throw await this.refusal(answer)
      yield* readNdjson<T>(answer)
    } catch (err) {
      if (signal?.aborted !== true) throw err
    }
  }

  #request(request: GatewayRequest, options: CallOptions = {}): GatewayRequest {
    const { authorization } = this.#connection
    const own = authorization === undefined ? {} : { authorization }
    return { ...request, ...options, headers: { ...own, ...request.headers, ...options.headers } }
  }

  async #reach<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer
    } catch (err) {
      const { url, unreachable } = this.#connection
      throw connectionError(url, err, unreachable)
    }
  }

  #parse(answer: string): unknown {
    try {
      return JSON.parse(answer)
    } catch (err) {
      const message = `${this.url} does not answer as a gateway does: is it one?`
      throw new CliError(message, EXIT.unreachable, { cause: err })
    }
  }
}

/** `?a=1&b=2` of the values that are there; empty when none is. */
export function queryOf(values: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const given = Object.entries(values).filter(([, value]) => value !== undefined)
  return given.length === 0 ? '' : `?${new URLSearchParams(given.map(([key, value]) => [key, String(value)]))}`
}
