import type { Duplex } from 'node:stream'
import { reset } from './reset.ts'
import { TunnelFlow } from './tunnel-flow.ts'
import { type Closing, closings } from './websocket-frames.ts'

/** What a tunnel tells. */
export interface TunnelEvents {
  /** So many bytes passed in either direction, or may pass again. */
  readonly onMoved: (bytes: number) => void
  /** Both connections are gone; `isBroken`: that of the function went first, and without a word. Comes once. */
  readonly onEnd: (isBroken: boolean) => void
}

/** The two connections of a tunnel, and whether a WebSocket is spoken. */
export interface TunnelEnds {
  readonly client: Duplex
  readonly replica: Duplex
  readonly isWebSocket: boolean
}

/** How long both sides may take to end what was closed. */
const CLOSE_MS = 1000

/**
 * Two connections that pass on to each other what comes, and the end of each direction by itself. Of a WebSocket it knows where
 * frames end, so that it can close it by a frame that tells why.
 */
export class Tunnel {
  readonly #ends: TunnelEnds
  readonly #events: TunnelEvents
  readonly #toClient: TunnelFlow
  readonly #toReplica: TunnelFlow
  #timer: NodeJS.Timeout | undefined
  #isBroken = false
  #isOver = false

  constructor(ends: TunnelEnds, events: TunnelEvents) {
    const { client, replica, isWebSocket } = ends
    const { onMoved } = events
    this.#ends = ends
    this.#events = events
    this.#toClient = new TunnelFlow(replica, client, { isWebSocket, masked: false, onMoved })
    this.#toReplica = new TunnelFlow(client, replica, { isWebSocket, masked: true, onMoved })
  }

  /** Begins to pass bytes on. */
  start(): void {
    const { client, replica } = this.#ends
    // An error is followed by `close`.
    for (const socket of [client, replica]) socket.on('error', () => undefined)
    replica.once('end', this.#onReplicaEnd).once('close', this.#onReplicaClose)
    client.once('end', () => this.#toReplica.end()).once('close', this.#onClientClose)
    if (client.closed) this.#onClientClose()
    if (replica.closed) this.#onReplicaClose()
    this.#toClient.start()
    this.#toReplica.start()
  }

  /** Ends it: a WebSocket by a Close frame in both directions, anything else by a reset. */
  close(closing: Closing): void {
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(() => this.#cut(), CLOSE_MS)
    if (!this.#ends.isWebSocket) {
      this.#cut()
      return
    }
    this.#toClient.end(closing)
    this.#toReplica.end(closing)
  }

  #cut(): void {
    reset(this.#ends.client)
    this.#ends.replica.destroy()
  }

  /** A function that ends a WebSocket without a Close frame, to which it owes none, has died. */
  readonly #onReplicaEnd = (): void => {
    if (!this.#ends.isWebSocket || this.#isClosing) {
      this.#toClient.end()
    } else {
      this.#isBroken = true
      this.close(closings.died)
    }
  }

  get #isClosing(): boolean {
    return this.#toClient.isEnded || this.#toClient.isClosed || this.#toReplica.isEnded || this.#toReplica.isClosed
  }

  readonly #onReplicaClose = (): void => {
    if (!this.#toClient.isEnded) {
      this.#isBroken ||= !this.#isClosing
      if (this.#ends.isWebSocket) this.#toClient.end(closings.died)
      else reset(this.#ends.client)
    }
    this.#timer ??= setTimeout(() => this.#cut(), CLOSE_MS)
    this.#endIfGone()
  }

  readonly #onClientClose = (): void => {
    // What it sent before its orderly end is still on its way.
    if (!this.#toClient.isEnded || !this.#toReplica.isEnded) this.#ends.replica.destroy()
    this.#endIfGone()
  }

  #endIfGone(): void {
    const { client, replica } = this.#ends
    if (!client.closed || !replica.closed || this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#events.onEnd(this.#isBroken)
  }
}
