import type { ClientRequest, IncomingMessage, Server, ServerResponse } from 'node:http'
import { type Duplex, duplexPair } from 'node:stream'
import type { ProxyTarget } from '../gateway/proxy-deps.ts'
import { http } from '../node-http.ts'
import type { InvocationPayload } from '../store/invocation-store.ts'

export interface LocalGatewayDeps {
  /** The data plane. */
  readonly handle: (req: IncomingMessage, res: ServerResponse, target: ProxyTarget) => void
  /** Most bytes of an answer that are kept. */
  readonly maxAnswerBytes: number
  /** Whether clients speak TLS with the gateway, as functions are told. */
  readonly isEncrypted: boolean
}

export interface LocalCall {
  readonly target: ProxyTarget
  readonly method: string
  readonly payload: InvocationPayload
  readonly callId: string
  /** Address of the client that the call came from. */
  readonly remoteAddress: string | undefined
  /** Whether anybody wants the body of the answer. */
  readonly wantsAnswer: boolean
  readonly signal: AbortSignal
}

export interface LocalAnswer {
  readonly status: number
  /** Why the gateway answered in place of the function; absent: the function did. */
  readonly refusal?: string
  readonly retryAfter?: string
  readonly answer: InvocationPayload
}

const MAX_HEADER_BYTES = 128 * 1024
/** What the way from here to the data plane decides anew. */
const FRAMING: ReadonlySet<string> = new Set([
  ...['connection', 'content-length', 'expect', 'keep-alive', 'proxy-connection'],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade', 'x-call-id']
])

/**
 * Calls functions as clients do: over HTTP and through the data plane, so that calls wait, wake, are balanced and counted alike; but
 * over connections within the process, which listen nowhere and ask for no credentials.
 */
export class LocalGateway {
  readonly #deps: LocalGatewayDeps
  readonly #server: Server
  readonly #targets = new WeakMap<Duplex, ProxyTarget>()

  constructor(deps: LocalGatewayDeps) {
    this.#deps = deps
    // Clients of HTTP/1.0 and schedules name no host.
    this.#server = http.createServer({ maxHeaderSize: MAX_HEADER_BYTES, requireHostHeader: false }, (req, res) => {
      const target = this.#targets.get(req.socket)
      if (target === undefined) throw new Error('a call came over no connection of ours')
      deps.handle(req, res, target)
    })
    this.#server.maxHeadersCount = 0
    // node:http would answer in the place of the function, and the call would count as carried out.
    this.#server.on('clientError', (_err, socket) => socket.destroy())
  }

  /** What the call is answered. An answer that breaks off is one of the gateway's: 502. Rejects when `signal` aborts. */
  call(call: LocalCall): Promise<LocalAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<LocalAnswer>()
    const { signal } = call
    const broken = () => resolve({ status: 502, refusal: 'ConnectionLost', answer: EMPTY })
    try {
      const request = this.#request(call)
      const abort = () => {
        request.destroy()
        reject(signal.reason)
      }
      signal.addEventListener('abort', abort, { once: true })
      request.once('close', () => signal.removeEventListener('abort', abort))
      request.once('error', () => (signal.aborted ? abort() : broken()))
      request.once('response', answer => this.#read(answer, call, { resolve, broken }))
      request.end(call.payload.body)
    } catch (err) {
      reject(err)
    }
    return promise
  }

  #request({ target, method, payload, callId, remoteAddress }: LocalCall): ClientRequest {
    const [near, far] = duplexPair()
    const { isEncrypted } = this.#deps
    // What node:net and node:tls say of a client, which functions are told in X-Forwarded-….
    Object.assign(far, { remoteAddress }, isEncrypted ? { encrypted: true } : {})
    // Neither half knows by itself that the other is gone.
    near.once('close', () => far.destroy())
    far.once('close', () => near.destroy())
    this.#targets.set(far, target)
    this.#server.emit('connection', far)
    const headers = [
      ...withoutFraming(payload.head),
      ...['Content-Length', String(payload.body.byteLength), 'X-Call-Id', callId, 'Connection', 'close']
    ]
    return http.request({ createConnection: () => near, method, path: '/', headers, maxHeaderSize: MAX_HEADER_BYTES })
  }

  #read(
    answer: IncomingMessage,
    { wantsAnswer }: LocalCall,
    then: { resolve: (answer: LocalAnswer) => void; broken: () => void }
  ): void {
    const kept: Buffer[] = []
    const most = wantsAnswer ? this.#deps.maxAnswerBytes : 0
    let bytes = 0
    answer.on('data', (chunk: Buffer) => {
      if (bytes < most) kept.push(chunk.subarray(0, most - bytes))
      bytes += chunk.length
    })
    answer.once('error', then.broken)
    answer.once('end', () => {
      const { statusCode: status = 502, headers, rawHeaders } = answer
      const isOwn = headers['x-openfaas-internal'] !== undefined
      const head = withoutFraming(rawHeaders)
      if (wantsAnswer && bytes > most) head.push('X-Docker-Faas-Truncated', String(bytes))
      then.resolve({
        status,
        ...(isOwn && { refusal: String(headers['x-docker-faas-reason'] ?? 'Unknown') }),
        ...(headers['retry-after'] !== undefined && { retryAfter: headers['retry-after'] }),
        answer: { head: wantsAnswer ? head : [], body: Buffer.concat(kept) }
      })
    })
  }
}

const EMPTY: InvocationPayload = { head: [], body: new Uint8Array() }

/** The headers without those that belong to the connection that they came over, and those that its `Connection` names. */
export function withoutFraming(head: readonly string[]): string[] {
  const pairs = head.flatMap((name, at) => (at % 2 === 0 ? [[name, head[at + 1] ?? ''] as const] : []))
  const named = pairs.flatMap(([name, value]) => (name.toLowerCase() === 'connection' ? value.split(',') : []))
  const listed = new Set(named.map(token => token.trim().toLowerCase()))
  return pairs.flatMap(([name, value]) => {
    const lower = name.toLowerCase()
    return FRAMING.has(lower) || listed.has(lower) ? [] : [name, value]
  })
}
