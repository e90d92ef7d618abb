import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { http } from '../node-http.ts'
import { HttpError, toProblem } from './errors.ts'

interface Exchange {
  readonly req: IncomingMessage
  readonly res: ServerResponse
}

/** Answers what is no HTTP, without putting a word where the client takes it for the answer of another request. */
export class ClientErrors {
  readonly #last = new WeakMap<Duplex, Exchange>()

  /** To be told of every request whose head was read. */
  note(req: IncomingMessage, res: ServerResponse): void {
    this.#last.set(req.socket, { req, res })
  }

  /** Listener of `clientError`. */
  readonly answer = (err: NodeJS.ErrnoException, socket: Duplex): void => {
    if (err.code === 'ERR_SSL_HTTP_REQUEST') answerPlainText(socket)
    else if (!socket.writable || err.code === 'ECONNRESET') socket.destroy()
    else this.#answerInPlace(errorOf(err.code), socket)
  }

  #answerInPlace(error: HttpError, socket: Duplex): void {
    const last = this.#last.get(socket)
    // The error is in a body when one is being read, else in a head that nobody was told of.
    const owner = last?.req.complete === false ? last.res : undefined
    const current = currentAnswer(socket)
    if (current === owner && current?.headersSent !== true) say(error, socket)
    // Of a request that was answered before its body came, a second answer would be taken for that of the next one.
    else if (current === undefined || current === owner) socket.destroy()
    else endAfter(owner === undefined ? (last?.res ?? current) : current, socket)
  }
}

/** Requests before the one that is wrong are still being answered. */
function endAfter(res: ServerResponse, socket: Duplex): void {
  if (!res.headersSent) res.shouldKeepAlive = false
  res.once('close', () => socket.destroy())
}

/** Somebody speaks HTTP where TLS is spoken: is told so in HTTP, on the connection below. */
function answerPlainText(socket: Duplex): void {
  const { _parent: plain } = socket as { _parent?: Duplex }
  const text = 'this port speaks TLS: use https://\n'
  const head = `HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${text.length}`
  plain?.end(`${head}\r\n\r\n${text}`, () => socket.destroy())
  if (plain === undefined) socket.destroy()
}

/** The answer that is being written. Source: Node's own handler of these errors. */
function currentAnswer(socket: Duplex): ServerResponse | undefined {
  return (socket as { _httpMessage?: ServerResponse | null })._httpMessage ?? undefined
}

function errorOf(code: string | undefined): HttpError {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new HttpError(431, 'HEADERS_TOO_LARGE', 'the head of the request is too large')
  }
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') {
    return new HttpError(413, 'BODY_TOO_LARGE', 'the extensions of a chunk are too large')
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new HttpError(408, 'HEAD_TIMEOUT', 'the request took too long to arrive')
  return new HttpError(400, 'MALFORMED', 'the request is not valid HTTP')
}

function say(error: HttpError, socket: Duplex): void {
  const body = JSON.stringify(toProblem(error, ''))
  const head = [
    `HTTP/1.1 ${error.status} ${http.STATUS_CODES[error.status] ?? ''}`,
    'Connection: close',
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
}

/** Answers a request whose head is not acceptable, and ends its connection. */
export function refuseHead(error: HttpError, res: ServerResponse): void {
  const body = JSON.stringify(toProblem(error, ''))
  res.writeHead(error.status, {
    Connection: 'close',
    'Content-Type': 'application/problem+json',
    'Content-Length': Buffer.byteLength(body)
  })
  res.end(body)
}
