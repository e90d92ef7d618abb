import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { http } from '../node-http.ts'
import type { Endpoint } from './endpoints.ts'
import type { FlatHeaders } from './headers.ts'
import type { DispatchOptions, Trailers } from './http1/exchange.ts'

/**
 * A request whose body ends with trailers, which neither undici nor our own connections send: goes by node:http, over a connection
 * of its own. Its handler is told what undici would tell.
 */
export class TrailedRequest implements Dispatcher.DispatchController {
  rawHeaders: string[] = []
  rawTrailers: string[] = []
  reason: Error | null = null
  paused = false
  readonly #handler: Dispatcher.DispatchHandler
  #req: ClientRequest | undefined
  #res: IncomingMessage | undefined
  #timer: NodeJS.Timeout | undefined
  #isOver = false

  constructor(handler: Dispatcher.DispatchHandler) {
    this.#handler = handler
  }

  /** Sends it; everything that happens then reaches the handler. `connectMs`: how long a connection may take. */
  send({ host, port }: Endpoint, connectMs: number, options: DispatchOptions, trailers: Trailers): void {
    const { method, path, body } = options
    const headers = [...(options.headers as FlatHeaders), 'Host', hostOf(host, port), 'Trailer']
    headers.push([...trailers.announced].join(', '), 'Transfer-Encoding', 'chunked')
    try {
      const req = http.request({ host, port, method, path, headers, agent: false })
      this.#req = req
      req.on('error', error => this.#fail(error)).on('information', info => this.#onHead(info))
      req.once('response', res => this.#onResponse(res))
      // Nobody asked for another protocol; Node tells of neither an answer nor an error then.
      req.once('upgrade', (_res, socket) => {
        socket.destroy()
        this.#fail(withCode('bad upgrade', LOST))
      })
      req.once('socket', socket => socket.once('connect', () => this.#onConnect(req, body as Readable, trailers)))
      this.#timer = setTimeout(() => req.destroy(withCode('the connection took too long', TIMED_OUT)), connectMs)
    } catch (error) {
      // node:http may be stricter about a header than its own parser is.
      this.#fail(withCode(String(error), INVALID))
    }
  }

  get aborted(): boolean {
    return this.reason !== null
  }

  abort(reason: Error): void {
    this.reason = reason
    this.#end()
  }

  pause(): void {
    this.paused = true
    this.#res?.pause()
  }

  resume(): void {
    this.paused = false
    this.#res?.resume()
  }

  #onConnect(req: ClientRequest, body: Readable, trailers: Trailers): void {
    clearTimeout(this.#timer)
    this.#handler.onRequestStart?.(this, null)
    if (this.#isOver) return
    body.on('data', (chunk: Buffer) => {
      this.#handler.onBodySent?.(chunk)
      if (!req.write(chunk)) body.pause()
    })
    req.on('drain', () => body.resume())
    body.once('end', () => {
      req.addTrailers(pairsOf(trailers.read()))
      req.end()
    })
  }

  #onResponse(res: IncomingMessage): void {
    this.#res = res
    this.#onHead(res)
    res.on('data', (chunk: Buffer) => this.#handler.onResponseData?.(this, chunk))
    res.on('error', error => this.#fail(error))
    res.once('end', () => {
      if (this.#isOver) return
      this.rawTrailers = res.rawTrailers
      this.#end()
      this.#handler.onResponseEnd?.(this, {})
    })
  }

  #onHead({ statusCode = 0, statusMessage, rawHeaders }: Head): void {
    if (this.#isOver) return
    this.rawHeaders = rawHeaders
    this.#handler.onResponseStarted?.()
    this.#handler.onResponseStart?.(this, statusCode, {}, statusMessage)
  }

  #fail(error: Error): void {
    if (this.#isOver) return
    this.#end()
    this.#handler.onResponseError?.(this, error)
  }

  /** The connection goes with it, and what a function has not read of the body. */
  #end(): void {
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#req?.destroy()
  }
}

type Head = Pick<IncomingMessage, 'statusCode' | 'rawHeaders'> & { readonly statusMessage?: string | undefined }

/** As undici names them, so that failures mean the same. */
const TIMED_OUT = 'UND_ERR_CONNECT_TIMEOUT'
const INVALID = 'UND_ERR_INVALID_ARG'
const LOST = 'UND_ERR_SOCKET'

function withCode(message: string, code: string): Error {
  return Object.assign(new Error(message), { code })
}

function hostOf(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

function pairsOf(flat: FlatHeaders): [string, string][] {
  const out: [string, string][] = []
  for (let i = 0; i + 1 < flat.length; i += 2) out.push([flat[i] ?? '', flat[i + 1] ?? ''])
  return out
}
