import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
  STATUS_CODES
} from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import type { Duplex } from 'node:stream'
import type { Authenticator } from './auth.ts'
import { type Certificate, toSecureContext } from './certificate.ts'
import { refusalOf } from './cors.ts'
import { type FunctionTarget, parseFunctionUrl } from './function-url.ts'
import { foreignOrigin } from './origin.ts'

/** A call as the data plane gets it: authenticated, and free of the gateway's own credentials. */
export interface CallTarget extends FunctionTarget {
  /** The client waits for `100 Continue`, which the data plane sends when it wants the body. */
  readonly owesContinue: boolean
}

export interface DataPlane {
  handle: (req: IncomingMessage, res: ServerResponse, target: CallTarget) => void
}

export interface GatewayServerDeps {
  readonly api: (req: IncomingMessage, res: ServerResponse) => void
  readonly proxy: DataPlane
  readonly authenticator: Authenticator
  /** Whether connections end with their next answer. */
  readonly isClosing?: () => boolean
  /** `REQUIRE_AUTH_FOR_FUNCTIONS`. */
  readonly requireAuthForFunctions: boolean
  /** `CORS_ALLOWED_ORIGINS`: pages that may use the user's credentials to call functions. */
  readonly allowedOrigins: readonly string[]
  /** Speaks TLS, and nothing else, when there is one. */
  readonly certificate?: Certificate | undefined
  readonly headersTimeoutMs?: number
  readonly keepAliveTimeoutMs?: number
  readonly lingerMs?: number
}

const MAX_HEADER_BYTES = 32 * 1024
const HEADERS_TIMEOUT_MS = 10_000
/** Longer than the idle time of the usual proxies in front (60 s), so that they, and not we, close first. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000
const CHECK_INTERVAL_MS = 1000
/** How long a client may go on with a body that was answered already. */
const LINGER_MS = 5000

const NEEDS_CREDENTIALS =
  'calling a function needs the user and password of the gateway (Basic), unless the gateway runs with ' +
  'REQUIRE_AUTH_FOR_FUNCTIONS=false; faas-cli invoke sends none\n'

/** The server of `GATEWAY_PORT`: `/function/…` goes to the data plane, everything else to the API. */
export function createGatewayServer(deps: GatewayServerDeps): Server | TlsServer {
  const server = createBareServer(deps.certificate, {
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: deps.headersTimeoutMs ?? HEADERS_TIMEOUT_MS,
    // Whole requests have no deadline here: a function may be sent a stream. The API has one for its own bodies.
    requestTimeout: 0,
    keepAliveTimeout: deps.keepAliveTimeoutMs ?? KEEP_ALIVE_TIMEOUT_MS,
    connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, deps.headersTimeoutMs ?? CHECK_INTERVAL_MS)
  })
  const dispatch = (req: IncomingMessage, res: ServerResponse, owesContinue: boolean) => {
    if (deps.isClosing?.() === true) res.shouldKeepAlive = false
    if (isFunctionUrl(req)) {
      callFunction(deps, req, res, owesContinue)
    } else {
      boundUnreadBody(deps, req, res)
      deps.api(req, res)
    }
  }
  server.on('request', (req, res) => dispatch(req, res, false))
  // With a listener of its own, `100 Continue` is sent after the credentials were looked at, and not before.
  server.on('checkContinue', (req, res) => dispatch(req, res, true))
  server.on('clientError', answerClientError)
  return server
}

function createBareServer(certificate: Certificate | undefined, options: ServerOptions): Server | TlsServer {
  if (certificate === undefined) return createServer(options)
  const handshakeTimeout = options.headersTimeout ?? HEADERS_TIMEOUT_MS
  return createTlsServer({ ...options, ...toSecureContext(certificate), ALPNProtocols: ['http/1.1'], handshakeTimeout })
}

function callFunction(deps: GatewayServerDeps, req: IncomingMessage, res: ServerResponse, owesContinue: boolean): void {
  const admitted = admit(deps, req)
  if ('target' in admitted) {
    deps.proxy.handle(req, res, { ...admitted.target, owesContinue })
    return
  }
  boundUnreadBody(deps, req, res)
  res.writeHead(admitted.status, { ...admitted.headers, 'Content-Type': 'text/plain; charset=utf-8' })
  res.end(admitted.text)
}

/** Once the answer is sent, what is left of the body is thrown away, but not for ever: it may never end. */
function boundUnreadBody({ lingerMs }: GatewayServerDeps, req: IncomingMessage, res: ServerResponse): void {
  res.once('finish', () => {
    if (req.complete) return
    const timer = setTimeout(() => req.socket.destroy(), lingerMs ?? LINGER_MS)
    req.once('end', () => clearTimeout(timer))
    req.once('close', () => clearTimeout(timer))
  })
}

type Admitted =
  | { readonly target: FunctionTarget }
  | { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly text: string }

/** Where the request may go, without our credentials; or the answer that it gets instead. */
function admit(deps: GatewayServerDeps, req: IncomingMessage): Admitted {
  const { authorization } = req.headers
  if (deps.requireAuthForFunctions && deps.authenticator.identify(authorization) === undefined) {
    const headers = { 'WWW-Authenticate': 'Basic realm="Restricted"' }
    return { status: 401, headers, text: NEEDS_CREDENTIALS }
  }
  const origin = deps.requireAuthForFunctions ? foreignOrigin(req.method, req.headers, deps.allowedOrigins) : undefined
  if (origin !== undefined) return { status: 403, headers: {}, text: `${refusalOf(origin)}\n` }
  if (authorization !== undefined) removeOwnCredentials(req, deps.authenticator)
  const target = parseFunctionUrl(req.url ?? '')
  if (target !== undefined) return { target }
  return { status: 400, headers: {}, text: 'the path must be /function/<name>[.<namespace>][/…] without ".." or NUL\n' }
}

/** Takes each `Authorization` away that holds the gateway's own credentials; any other is the function's business. */
function removeOwnCredentials(req: IncomingMessage, { isOwn }: Authenticator): void {
  const raw = req.rawHeaders
  let first: string | undefined
  for (let at = 0; at < raw.length; ) {
    if (raw[at]?.toLowerCase() !== 'authorization') {
      at += 2
    } else if (isOwn(raw[at + 1])) {
      raw.splice(at, 2)
    } else {
      first ??= raw[at + 1]
      at += 2
    }
  }
  if (first === undefined) delete req.headers.authorization
  else req.headers.authorization = first
}

function isFunctionUrl(req: IncomingMessage): boolean {
  return req.url?.startsWith('/function/') === true || req.url === '/function'
}

function answerClientError(err: NodeJS.ErrnoException, socket: Duplex): void {
  if (err.code === 'ERR_SSL_HTTP_REQUEST') {
    answerPlainText(socket)
    return
  }
  if (!socket.writable || err.code === 'ECONNRESET' || hasAnswer(socket)) {
    socket.destroy()
    return
  }
  const status = statusOfClientError(err.code)
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () =>
    socket.destroy()
  )
}

/** Somebody speaks HTTP where TLS is spoken: is told so in HTTP, on the connection below. */
function answerPlainText(socket: Duplex): void {
  const { _parent: plain } = socket as { _parent?: Duplex }
  const text = 'this port speaks TLS: use https://\n'
  const head = `HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${text.length}`
  plain?.end(`${head}\r\n\r\n${text}`, () => socket.destroy())
  if (plain === undefined) socket.destroy()
}

function statusOfClientError(code: string | undefined): number {
  if (code === 'HPE_HEADER_OVERFLOW') return 431
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408
  return 400
}

/** Whether an answer is under way on the socket, into which another must not be written. Source: Node's own handler. */
function hasAnswer(socket: Duplex): boolean {
  const { _httpMessage: answer } = socket as { _httpMessage?: ServerResponse }
  return answer?.headersSent === true
}
