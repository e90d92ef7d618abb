import type { Agent, ClientRequest, IncomingMessage, ServerResponse } from 'node:http'
import { refuseHead } from '../http/client-errors.ts'
import { HttpError } from '../http/errors.ts'
import { http } from '../node-http.ts'
import { isEncrypted, peerAddressOf } from '../peer.ts'
import { PEER_HEADER } from './api-socket.ts'

/** Of the connection, and not of the request or its answer. */
const HOP_BY_HOP: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding'])
const MAX_FREE_SOCKETS = 256
const FREE_SOCKET_MS = 30_000

/** The worker's end: hands on to the controller's process what is no call of a function, and streams both ways. */
export class ApiRelay {
  readonly #socketPath: string
  readonly #agent: Agent

  constructor(socketPath: string) {
    this.#socketPath = socketPath
    this.#agent = new http.Agent({ keepAlive: true, maxFreeSockets: MAX_FREE_SOCKETS, timeout: FREE_SOCKET_MS })
  }

  readonly handle = (req: IncomingMessage, res: ServerResponse): void => {
    const address = peerAddressOf(req)
    if (address === undefined) {
      res.destroy() // the client has left
      return
    }
    const onward = http.request({
      ...{ socketPath: this.#socketPath, agent: this.#agent, setHost: false },
      ...{
        method: req.method ?? 'GET',
        path: req.url ?? '/',
        headers: onwardHeaders(req, isEncrypted(req) ? `${address} tls` : address) as never
      }
    })
    onward.on('continue', () => res.writeContinue())
    onward.on('response', answer => passOn(answer, res))
    onward.on('error', err => onLost(err, res))
    res.once('close', () => endRequest(req, res, onward))
    if (hasBody(req)) req.pipe(onward)
    else onward.end()
  }

  close(): void {
    this.#agent.destroy()
  }
}

/** What is left of a body that nobody wants any more is not sent on, and does not hold the client's connection up. */
function endRequest(req: IncomingMessage, res: ServerResponse, onward: ClientRequest): void {
  if (res.writableFinished && onward.writableFinished) return
  req.unpipe(onward)
  req.resume()
  onward.destroy()
}

function passOn(answer: IncomingMessage, res: ServerResponse): void {
  const { statusCode = 502, statusMessage = '', rawHeaders } = answer
  const headers: string[] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    if (!HOP_BY_HOP.has(name.toLowerCase())) headers.push(name, rawHeaders[i + 1] ?? '')
  }
  if (answer.headers.connection === 'close') headers.push('Connection', 'close')
  res.writeHead(statusCode, statusMessage, headers)
  // The first byte of a stream may come much later than its head.
  res.flushHeaders()
  answer.on('error', () => undefined) // its close says the same
  answer.on('close', () => answer.complete || res.destroy())
  answer.pipe(res)
}

function onLost(err: Error, res: ServerResponse): void {
  if (res.destroyed) return
  if (res.headersSent) res.destroy(err)
  else refuseHead(new HttpError(503, 'CONTROLLER_AWAY', 'the controller of the gateway does not answer'), res)
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}

/** The client's, but for what is of its connection, and ours. */
function onwardHeaders({ rawHeaders, headers }: IncomingMessage, peer: string): string[] {
  const onward: string[] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    const lower = name.toLowerCase()
    if (!HOP_BY_HOP.has(lower) && lower !== PEER_HEADER) onward.push(name, rawHeaders[i + 1] ?? '')
  }
  if (headers['transfer-encoding'] !== undefined) onward.push('Transfer-Encoding', 'chunked')
  onward.push(PEER_HEADER, peer)
  return onward
}
