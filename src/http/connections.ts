import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

export interface ConnectionLimitOptions {
  /** Most connections at once. */
  readonly max: number
  /** Connections were cut off for others, or could not be taken. */
  readonly onCut: (count: number) => void
}

interface Connection {
  readonly socket: Socket
  readonly address: string
  /** The last request that came over it, and its answer. */
  exchange?: { readonly req: IncomingMessage; readonly res: ServerResponse }
}

/** Of a socket that is counted: its connection. Under TLS the socket of a request is another one. */
const CONNECTION = Symbol('connection')
type Counted = Socket & { [CONNECTION]?: Connection }

/** Of those that may go, so much goes at once, as each look costs time. */
const SHARE = 0.01

/**
 * Bounds the connections of a server, so that those who only hold some leave room for those who call: when one more comes, the
 * oldest without a whole request under way go, of the address that has the most of them. When all have one, the new one goes.
 */
export class ConnectionLimit {
  readonly #max: number
  readonly #onCut: (count: number) => void
  /** By the address and port of the client, as under TLS a request does not know the connection below; the oldest first. */
  readonly #connections = new Map<string, Connection>()

  constructor(server: Server, { max, onCut }: ConnectionLimitOptions) {
    this.#max = max
    this.#onCut = onCut
    server.on('connection', (socket: Socket) => this.#add(socket))
  }

  /** How many there are. */
  get size(): number {
    return this.#connections.size
  }

  /** To be told of every request whose head was read. */
  note(req: IncomingMessage, res: ServerResponse): void {
    const connection = (req.socket as Counted)[CONNECTION] ?? this.#connections.get(peerOf(req.socket))
    if (connection !== undefined) connection.exchange = { req, res }
  }

  #add(socket: Socket): void {
    if (this.#connections.size >= this.#max) this.#makeRoom()
    if (this.#connections.size >= this.#max) {
      this.#onCut(1)
      socket.destroy()
      return
    }
    const peer = peerOf(socket)
    const connection: Connection = { socket, address: socket.remoteAddress ?? '' }
    ;(socket as Counted)[CONNECTION] = connection
    this.#connections.set(peer, connection)
    socket.once('close', () => {
      if (this.#connections.get(peer) === connection) this.#connections.delete(peer)
    })
  }

  #makeRoom(): void {
    const byAddress = Map.groupBy(
      [...this.#connections].filter(([, connection]) => isIdle(connection)),
      ([, { address }]) => address
    )
    const greediest = [...byAddress.values()].reduce((a, b) => (b.length > a.length ? b : a), [])
    const cut = greediest.slice(0, Math.max(1, Math.floor(greediest.length * SHARE)))
    for (const [peer, { socket }] of cut) {
      this.#connections.delete(peer)
      socket.destroy()
    }
    if (cut.length > 0) this.#onCut(cut.length)
  }
}

/** Whether nothing is lost with it that was asked for: it has no request, not the whole of one, or one that was answered. */
function isIdle({ exchange }: Connection): boolean {
  if (exchange === undefined || exchange.res.writableFinished) return true
  return !exchange.req.complete && !exchange.res.headersSent
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
