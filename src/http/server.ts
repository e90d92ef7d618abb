import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import { http } from '../node-http.ts'
import { type Admission, type AdmissionDeps, admitCall } from './admission.ts'
import { type Certificate, toSecureContext } from './certificate.ts'
import { ClientErrors, refuseHead } from './client-errors.ts'
import { ConnectionLimit, type ConnectionLimitOptions } from './connections.ts'
import type { FunctionTarget } from './function-url.ts'
import { faultOfHead } from './head.ts'
import { Handover, protocolsOf } from './upgrade.ts'

/** A call as the data plane gets it: authenticated, and free of the gateway's own credentials. */
export interface CallTarget extends FunctionTarget {
  /** The client waits for `100 Continue`, which the data plane sends when it wants the body. */
  readonly owesContinue: boolean
  /** The client asks to speak another protocol. */
  readonly upgrade?: Handover
  /** Of the token by which it was admitted. */
  readonly tokenId?: string | undefined
}

export interface DataPlane {
  handle: (req: IncomingMessage, res: ServerResponse, target: CallTarget) => void
}

export interface GatewayServerDeps extends AdmissionDeps {
  readonly api: (req: IncomingMessage, res: ServerResponse) => void
  readonly proxy: DataPlane
  /** Whether connections end with their next answer. */
  readonly isClosing?: () => boolean
  /** Speaks TLS, and nothing else, when there is one. */
  readonly certificate?: Certificate | undefined
  /** How long the head of a request may take; 10 s unless told. */
  readonly headersTimeoutMs?: number
  readonly keepAliveTimeoutMs?: number
  readonly lingerMs?: number
  /** An API's client that takes no byte of its answer for so long is cut off; never when left out. */
  readonly writeTimeoutMs?: number
  /** Absent: as many connections as come. */
  readonly connections?: ConnectionLimitOptions
}

const MAX_HEADER_BYTES = 32 * 1024
const HEADERS_TIMEOUT_MS = 10_000
/** Longer than the idle time of the usual proxies in front (60 s), so that they, and not we, close first. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000
const CHECK_INTERVAL_MS = 1000
/** How long a client may go on with a body that was answered already. */
const LINGER_MS = 5000

/** What a request asks for beside an answer. */
type Manner = Pick<CallTarget, 'owesContinue' | 'upgrade'>
const PLAIN: Manner = { owesContinue: false }
/** Before anybody has looked at its head. */
const CALL = /^(?:https?:\/\/[^/?#]*)?\/function(?:\/|$)/i

/** The server of `GATEWAY_PORT`: `/function/…` goes to the data plane, everything else to the API. */
export function createGatewayServer(deps: GatewayServerDeps): Server | TlsServer {
  const server = createBareServer(deps.certificate, {
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: deps.headersTimeoutMs ?? HEADERS_TIMEOUT_MS,
    // Whole requests have no deadline here: a function may be sent a stream. The API has one for its own bodies.
    requestTimeout: 0,
    keepAliveTimeout: deps.keepAliveTimeoutMs ?? KEEP_ALIVE_TIMEOUT_MS,
    shouldUpgradeCallback: req => CALL.test(req.url ?? '') && protocolsOf(req) !== undefined,
    connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, deps.headersTimeoutMs ?? CHECK_INTERVAL_MS)
  })
  // All of them, as Node would leave those beyond a number out without a word: `faultOfHead` counts.
  server.maxHeadersCount = 0
  const errors = new ClientErrors()
  const limit = deps.connections === undefined ? undefined : new ConnectionLimit(server, deps.connections)
  const dispatch = (req: IncomingMessage, res: ServerResponse, manner: Manner) => {
    errors.note(req, res)
    limit?.note(req, res)
    if (deps.isClosing?.() === true) res.shouldKeepAlive = false
    const fault = faultOfHead(req)
    if (fault !== undefined) {
      boundUnreadBody(deps, req, res)
      refuseHead(fault, res)
    } else if (isFunctionUrl(req)) {
      callFunction(deps, req, res, manner)
    } else {
      boundUnreadBody(deps, req, res)
      boundSlowReader(deps, res)
      deps.api(req, res)
    }
  }
  server.on('request', (req, res) => dispatch(req, res, PLAIN))
  // With a listener of its own, `100 Continue` is sent after the credentials were looked at, and not before.
  server.on('checkContinue', (req, res) => dispatch(req, res, { owesContinue: true }))
  server.on('upgrade', (req, socket, head) => {
    const upgrade = new Handover(req, socket, head)
    dispatch(req, upgrade.res, { owesContinue: false, upgrade })
  })
  server.on('clientError', errors.answer)
  return server
}

function createBareServer(certificate: Certificate | undefined, options: ServerOptions): Server | TlsServer {
  if (certificate === undefined) return http.createServer(options)
  const handshakeTimeout = options.headersTimeout ?? HEADERS_TIMEOUT_MS
  return createTlsServer({ ...options, ...toSecureContext(certificate), ALPNProtocols: ['http/1.1'], handshakeTimeout })
}

function callFunction(deps: GatewayServerDeps, req: IncomingMessage, res: ServerResponse, manner: Manner): void {
  const go = (admission: Admission) => {
    if ('target' in admission) {
      deps.proxy.handle(req, res, { ...admission.target, ...manner, tokenId: admission.tokenId })
      return
    }
    boundUnreadBody(deps, req, res)
    res.writeHead(admission.status, { ...admission.headers, 'Content-Type': 'text/plain; charset=utf-8' })
    res.end(admission.text)
  }
  const admission = admitCall(deps, req, manner.upgrade !== undefined)
  if (!(admission instanceof Promise)) {
    go(admission)
    return
  }
  // Who left meanwhile is told nothing, and calls nothing.
  void admission.then(late => res.destroyed || go(late))
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

/** What is not read stays in memory. A watch that has nothing to tell is idle, not slow. */
function boundSlowReader({ writeTimeoutMs }: GatewayServerDeps, res: ServerResponse): void {
  if (writeTimeoutMs === undefined) return
  res.setTimeout(writeTimeoutMs, () => {
    if (res.socket !== null && res.socket.writableLength > 0) res.socket.destroy()
  })
}

function isFunctionUrl(req: IncomingMessage): boolean {
  return req.url?.startsWith('/function/') === true || req.url === '/function'
}
