import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Server as TlsServer } from 'node:https'
import { Server as NetServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClosedNetworks } from '../engine/closed-networks.ts'
import type { InvocationProxy } from '../gateway/proxy.ts'
import type { Authenticator } from '../http/auth/authenticator.ts'
import { type Certificate, toSecureContext } from '../http/certificate.ts'
import { createOrigins } from '../http/client-address.ts'
import { createGatewayServer } from '../http/server.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { quietTurn } from '../runtime/quiet-turn.ts'
import { assembleCallers } from './callers.ts'
import { connectionLimit } from './connections.ts'
import { assembleDataPlane, type DataPlaneDeps } from './data-plane.ts'
import { listen, portOf } from './listen.ts'

export interface FrontDeps extends DataPlaneDeps {
  /** What is no call of a function. */
  readonly api: (req: IncomingMessage, res: ServerResponse) => void
  readonly authenticator: Pick<Authenticator, 'identify' | 'verify' | 'isOwn'>
  /** Absent: plain HTTP. */
  readonly certificate: Certificate | undefined
  readonly closedNetworks: Pick<ClosedNetworks, 'has'>
  readonly connectionsCut: Metrics['connectionsCut']
}

/** A head is small: who takes longer for it than this is up to something. */
const HEADERS_TIMEOUT_MS = 10_000
/** How long a moment is looked for in which no new connection waits to be taken. */
const QUIET_TURN_MS = 300
/** For a busy client's next call over a connection it keeps, whose answer says that the connection ends. */
const LAST_CALLS_MS = 200
/** What is still connected when everything else has ended gets this long to go. */
const LAST_CONNECTIONS_MS = 1000

/** What clients meet on the gateway's own port: heads are checked, calls go to the data plane, and all else to the API. */
export class Front {
  readonly #deps: FrontDeps
  readonly #proxy: InvocationProxy
  readonly #server: Server | TlsServer
  #isClosing = false
  /** Every connection, those that have not come to an end of their handshake among them. */
  readonly #sockets = new Set<Socket>()

  constructor(deps: FrontDeps) {
    const { config, certificate, authenticator, api, connectionsCut, log } = deps
    this.#deps = deps
    const callers = assembleCallers(deps)
    this.#proxy = assembleDataPlane(deps)
    this.#server = createGatewayServer({
      api,
      isBarred: callers.mayNotCall,
      proxy: this.#proxy,
      authenticator,
      addressOf: createOrigins(config.TRUST_PROXY).addressOf,
      certificate,
      allowedOrigins: config.CORS_ALLOWED_ORIGINS,
      isClosing: () => this.#isClosing,
      headersTimeoutMs: Math.min(config.READ_TIMEOUT, HEADERS_TIMEOUT_MS),
      writeTimeoutMs: config.WRITE_TIMEOUT,
      connections: connectionLimit({ config, metrics: { connectionsCut }, log }),
      requireAuthForFunctions: config.AUTH_ENABLED && config.REQUIRE_AUTH_FOR_FUNCTIONS
    })
    this.#server.on('connection', (socket: Socket) => {
      if (callers.mayNotConnect(socket.remoteAddress)) socket.destroy()
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  /** The port that it listens on. */
  get port(): number {
    return portOf(this.#server)
  }

  /** Listens on `GATEWAY_PORT`. */
  listen(): Promise<void> {
    const { GATEWAY_PORT: port, GATEWAY_ADDRESS: address } = this.#deps.config
    return listen(this.#server, port, address, 'GATEWAY_PORT')
  }

  /** Listens on a port that is bound already, by its file descriptor. */
  listenOn(fd: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ fd }, () => resolve())
    })
  }

  /** Connections that come from now on get this certificate. No effect where plain HTTP is spoken. */
  useCertificate(certificate: Certificate): void {
    if (this.#server instanceof TlsServer) this.#server.setSecureContext(toSecureContext(certificate))
  }

  /** Calls of the function that wait look again whether they still have to. */
  wake(key: string): void {
    this.#proxy.wake(key)
  }

  /** These tokens are no longer good: what was opened by them, and goes on, ends. */
  endTokens(tokenIds: readonly string[]): void {
    for (const tokenId of tokenIds) this.#proxy.endToken(tokenId)
  }

  /**
   * Takes no new connections, lets calls end, then closes what is left. Connections that are kept stay open until an answer
   * has said that they end: a client that finds one closed cannot know whether its call was carried out.
   */
  async stop(): Promise<void> {
    // What the kernel took for us and we did not, it resets: a client cannot know whether its call was carried out.
    await quietTurn(QUIET_TURN_MS)
    this.#isClosing = true
    const closed = new Promise<void>(resolve => {
      // http.Server.close would close those that are idle as well.
      NetServer.prototype.close.call(this.#server, () => resolve())
    })
    await Promise.race([closed, sleep(LAST_CALLS_MS)])
    await this.#proxy.close(this.#deps.config.SHUTDOWN_GRACE)
    this.#server.close()
    await Promise.race([closed, sleep(LAST_CONNECTIONS_MS)])
    // NOTE: closeAllConnections knows only those that have come to speak HTTP.
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}
