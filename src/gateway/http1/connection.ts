import { connect, type Socket } from 'node:net'
import type { Dispatcher } from 'undici'
import type { Endpoint } from '../endpoints.ts'
import { type AnswerHead, BadAnswerError, mayBeginAnswer, parseAnswerHead } from './answer-head.ts'
import { ChunkReader } from './chunk-reader.ts'
import { ConnectionEndedError, ConnectTimeoutError } from './errors.ts'
import { type DispatchOptions, Exchange } from './exchange.ts'
import { requestText } from './request-text.ts'

const NO_BYTES = Buffer.alloc(0)
/** Source: `maxHeaderSize` of node:http. */
const MAX_HEAD_BYTES = 16 * 1024
const TCP_KEEP_ALIVE_MS = 60_000
/** The most that one read takes. */
export const READ_BYTES = 64 * 1024
/** A piece from this length on goes with the buffer that it was read into; shorter ones are copied out of it. */
const GIVEN_BYTES = 16 * 1024

export interface ConnectionOptions {
  readonly endpoint: Endpoint
  readonly connectMs: number
  /** Of `READ_BYTES`, for all connections: each read is dealt with before the next one. */
  readonly shared: Buffer
  /** It can take another exchange, for so many milliseconds if the function says how many. */
  readonly onFree: (connection: Connection, keepAliveMs: number | undefined) => void
  /** It ended. */
  readonly onGone: (connection: Connection) => void
}

/** What is read next of the answer. */
type Expected = 'head' | 'length' | 'chunks' | 'rest'

/** A connection to a replica that carries one exchange at a time, HTTP/1.1. */
export class Connection {
  /** Until when it may be used again, on the monotonic clock; of who keeps it. */
  freeUntil = 0
  readonly #options: ConnectionOptions
  readonly #host: string
  readonly #socket: Socket
  readonly #timer: NodeJS.Timeout
  /** What the next read goes to. */
  #buffer: Buffer
  #isConnected = false
  #exchange: Exchange | undefined
  #expected: Expected = 'head'
  #text = ''
  #left = 0
  #chunks: ChunkReader | undefined
  #head: AnswerHead | undefined

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#buffer = options.shared
    const { endpoint, connectMs } = options
    const { host, port } = endpoint
    this.#host = `${host.includes(':') ? `[${host}]` : host}${port === 80 ? '' : `:${port}`}`
    const socket = connect({
      ...{ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: TCP_KEEP_ALIVE_MS },
      onread: { buffer: () => this.#buffer, callback: (length, buffer) => this.#onRead(buffer as Buffer, length) }
    })
    this.#socket = socket
    this.#timer = setTimeout(() => this.#fail(new ConnectTimeoutError(`no connection in ${connectMs} ms`)), connectMs)
    socket.once('connect', () => this.#onConnect())
    socket.on('end', () => this.#onEnded())
    socket.on('error', err => this.#fail(err))
    socket.once('close', () => {
      clearTimeout(this.#timer)
      this.#fail(new ConnectionEndedError('the connection was closed'))
      options.onGone(this)
    })
  }

  /** Whether it can still take an exchange: it may have ended since it became free. */
  get isUsable(): boolean {
    return this.#socket.writable
  }

  /** Sends the request, when it is connected. To be called only when it is new or free. */
  send(options: DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.#exchange = new Exchange(this, options, handler)
    if (this.#isConnected) this.#write()
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** Ends it without a further word. */
  destroy(): void {
    this.#exchange?.end()
    this.#exchange = undefined
    this.#socket.destroy()
  }

  /** Ends it; the exchange that it carries fails. */
  fail(error: Error): void {
    this.#fail(error)
  }

  #onConnect(): void {
    clearTimeout(this.#timer)
    this.#isConnected = true
    this.#write()
  }

  #write(): void {
    const exchange = this.#exchange
    if (exchange === undefined) return
    exchange.handler.onRequestStart?.(exchange, undefined)
    if (exchange.aborted) return
    try {
      this.#writeParts(requestText(exchange.options, this.#host))
    } catch (error) {
      this.#fail(error as Error)
      return
    }
    exchange.handler.onBodySent?.(NO_BYTES)
  }

  #writeParts(parts: string | readonly [string, Buffer]): void {
    const socket = this.#socket
    if (typeof parts === 'string') {
      socket.write(parts, 'latin1')
      return
    }
    socket.cork()
    socket.write(parts[0], 'latin1')
    socket.write(parts[1])
    socket.uncork()
  }

  /** Gives whether more is welcome. */
  #onRead(buffer: Buffer, length: number): boolean {
    const exchange = this.#exchange
    if (exchange === undefined) {
      // Nobody asked.
      this.#socket.destroy()
      return false
    }
    try {
      if (this.#expected === 'head' && this.#text === '') exchange.handler.onResponseStarted?.()
      this.#read(exchange, buffer, length)
    } catch (error) {
      // In a later tick: what came before goes out to the client.
      this.#socket.destroy(error as Error)
    }
    return !exchange.paused
  }

  #read(exchange: Exchange, buffer: Buffer, end: number): void {
    let at = 0
    while (this.#exchange === exchange && at < end) {
      at =
        this.#expected === 'head'
          ? this.#readHead(exchange, buffer, at, end)
          : this.#readBody(exchange, buffer, at, end)
      if (this.#isComplete()) {
        this.#complete(exchange, at < end)
        return
      }
    }
  }

  #readHead(exchange: Exchange, buffer: Buffer, start: number, end: number): number {
    const before = this.#text.length
    const text = this.#text + buffer.toString('latin1', start, Math.min(end, start + MAX_HEAD_BYTES))
    const length = text.indexOf('\r\n\r\n', Math.max(0, before - 3))
    if (length < 0 || length > MAX_HEAD_BYTES) {
      if (!mayBeginAnswer(text)) throw new BadAnswerError('what came is no HTTP')
      if (text.length >= MAX_HEAD_BYTES) throw new BadAnswerError('the head of the answer is too large')
      this.#text = text
      return end
    }
    this.#text = ''
    this.#onHead(exchange, parseAnswerHead(text.slice(0, length + 2), exchange.options.method === 'HEAD'))
    return start + length + 4 - before
  }

  #onHead(exchange: Exchange, head: AnswerHead): void {
    if (head.status === 101) throw new BadAnswerError('the answer is an upgrade that nobody asked for')
    exchange.rawHeaders = head.raw as string[]
    if (head.status >= 200) {
      this.#head = head
      this.#expect(head.length)
    }
    exchange.handler.onResponseStart?.(exchange, head.status, {}, head.statusText)
  }

  #expect(length: AnswerHead['length']): void {
    if (typeof length === 'number') {
      this.#expected = 'length'
      this.#left = length
      return
    }
    this.#expected = length
    this.#chunks = length === 'chunks' ? new ChunkReader() : undefined
  }

  #readBody(exchange: Exchange, buffer: Buffer, start: number, end: number): number {
    const chunks = this.#chunks
    if (chunks !== undefined) {
      return chunks.read(buffer, start, end, (from, to) => this.#give(exchange, buffer, from, to))
    }
    const to = this.#expected === 'rest' ? end : Math.min(end, start + this.#left)
    this.#left -= to - start
    this.#give(exchange, buffer, start, to)
    return to
  }

  #give(exchange: Exchange, buffer: Buffer, from: number, to: number): void {
    if (this.#exchange !== exchange) return
    exchange.handler.onResponseData?.(exchange, this.#take(buffer, from, to))
  }

  /** The bytes, in memory that nobody writes to any more. */
  #take(buffer: Buffer, from: number, to: number): Buffer {
    const length = to - from
    const isGiven = length >= GIVEN_BYTES && buffer !== this.#options.shared
    // Whoever sends that much sends more: from now on it is read into what can be given away.
    if (length >= GIVEN_BYTES) this.#buffer = Buffer.allocUnsafeSlow(READ_BYTES)
    if (isGiven) return buffer.subarray(from, to)
    const copy = Buffer.allocUnsafe(length)
    buffer.copy(copy, 0, from, to)
    return copy
  }

  #isComplete(): boolean {
    if (this.#expected === 'length') return this.#left === 0
    return this.#expected === 'chunks' && this.#chunks?.isOver === true
  }

  /** The answer is whole; `isMore`: something comes behind it, which is nobody's. */
  #complete(exchange: Exchange, isMore: boolean): void {
    // What the head's handler aborted has no end.
    if (this.#exchange !== exchange) return
    const head = this.#head
    exchange.rawTrailers = this.#chunks === undefined ? [] : (this.#chunks.trailers() as string[])
    exchange.end()
    const wasPaused = exchange.paused
    exchange.paused = false
    this.#exchange = undefined
    this.#head = undefined
    this.#chunks = undefined
    this.#expected = 'head'
    this.#buffer = this.#options.shared
    const isFree = head?.keepAlive === true && !isMore && this.#socket.writableLength === 0 && this.#socket.writable
    if (!isFree) this.#socket.destroy()
    else {
      if (wasPaused) this.#socket.resume()
      this.#options.onFree(this, head.keepAliveMs)
    }
    exchange.handler.onResponseEnd?.(exchange, {})
  }

  #onEnded(): void {
    const exchange = this.#exchange
    if (exchange !== undefined && this.#expected === 'rest') this.#complete(exchange, true)
    else this.#fail(new ConnectionEndedError('the other side ended the connection'))
  }

  #fail(error: Error): void {
    const exchange = this.#exchange
    this.destroy()
    if (exchange !== undefined) exchange.handler.onResponseError?.(exchange, error)
  }
}
