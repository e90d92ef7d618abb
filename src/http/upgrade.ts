import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { http } from '../node-http.ts'

/** What clients offer with each request and do without: curl and Java h2c, Apache HttpClient TLS. Source: RFC 9110 7.8. */
const OFFERED = /^(?:h2c|tls)(?:\/.*)?$/i
const PROTOCOL = /^[!#$%&'*+.^_`|~\w-]+(?:\/[!#$%&'*+.^_`|~\w-]+)?$/
/** More than this of what a client sends before it was told that it may is left with its kernel. */
const MAX_EARLY_BYTES = 64 * 1024

/**
 * The protocols that the request asks to speak in place of HTTP, as an `Upgrade` header has them; undefined when it is served as
 * plain HTTP. So are requests with a body, and those behind another one that is still being answered.
 */
export function protocolsOf(req: IncomingMessage): string | undefined {
  const { headers, httpVersionMinor, socket } = req
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
  if (headers.upgrade === undefined || httpVersionMinor < 1 || hasBody || isAnswering(socket)) return undefined
  const asked = headers.upgrade.split(',').map(protocol => protocol.trim())
  const wanted = asked.filter(protocol => PROTOCOL.test(protocol) && !OFFERED.test(protocol))
  return wanted.length === 0 ? undefined : wanted.join(', ')
}

function isAnswering(socket: Socket): boolean {
  return ((socket as { _httpMessage?: unknown })._httpMessage ?? undefined) !== undefined
}

/**
 * The connection of a client that asks for another protocol, as node:http hands it out: nobody answers there any more, or
 * notices that the client left. Its answer is HTTP, and the connection ends with it, unless somebody takes the connection over.
 */
export class Handover {
  readonly protocols: string
  readonly res: ServerResponse
  readonly #socket: Duplex
  readonly #early: Buffer[] = []
  #earlyBytes = 0

  constructor(req: IncomingMessage, socket: Duplex, head: Buffer) {
    this.protocols = protocolsOf(req) ?? ''
    this.#socket = socket
    this.res = new http.ServerResponse(req)
    this.res.shouldKeepAlive = false
    this.res.assignSocket(req.socket)
    this.res.once('finish', this.#onFinish)
    // An error is followed by `close`, which the answer hears of.
    socket.on('error', () => undefined)
    socket.on('data', this.#onData).on('end', this.#onEnd).on('drain', this.#onDrain)
    if (head.length > 0) this.#onData(head)
  }

  /** The connection, with what came early, for who will write the head of an answer 101 to it, and has written nothing. */
  take(): Duplex {
    const { res } = this
    const socket = this.#socket
    socket.pause().off('data', this.#onData).off('end', this.#onEnd).off('drain', this.#onDrain)
    res.off('finish', this.#onFinish)
    if (res.socket !== null) res.detachSocket(res.socket)
    if (this.#earlyBytes > 0) socket.unshift(Buffer.concat(this.#early))
    return socket
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#early.push(chunk)
    this.#earlyBytes += chunk.length
    if (this.#earlyBytes > MAX_EARLY_BYTES) this.#socket.pause()
  }

  /** As node:http has it: who sends no more wants no answer. */
  readonly #onEnd = (): void => {
    this.#socket.destroy()
  }

  readonly #onDrain = (): void => {
    this.res.emit('drain')
  }

  readonly #onFinish = (): void => {
    this.#socket.end(() => this.#socket.destroy())
  }
}
