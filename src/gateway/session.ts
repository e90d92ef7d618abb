import type { Duplex } from 'node:stream'
import type { Attempt } from './attempt.ts'
import type { ActiveCall, CallContext } from './call-context.ts'
import type { CallRecord } from './call-record.ts'
import type { ReplicaEnd } from './endpoints.ts'
import { type Head, isWebSocket } from './relay.ts'
import { Tunnel } from './tunnel.ts'
import { closings } from './websocket-frames.ts'

/** In metrics, of a session that ended, whoever ended it. */
const SWITCHED = 101
const BROKEN = 502

/** What a call that was upgraded leaves behind. */
export interface SessionParts {
  readonly attempt: Attempt
  /** Of the function's answer 101. */
  readonly head: Head
  readonly record: CallRecord
  readonly client: Duplex
  readonly replica: Duplex
}

/** Passes on what both sides say until they end it; counts as in flight, and as active, until then. */
export function openSession(context: CallContext, parts: SessionParts): void {
  const session = new Session(context, parts)
  context.active.add(session)
  session.start()
}

/** A call whose function took another protocol, such as WebSocket. */
class Session implements ActiveCall {
  readonly isSession = true
  readonly #context: CallContext
  readonly #parts: SessionParts
  readonly #tunnel: Tunnel
  /** The tick in which a byte last moved. */
  #movedAt: number

  constructor(context: CallContext, parts: SessionParts) {
    this.#context = context
    this.#parts = parts
    this.#movedAt = context.tick
    const { client, replica, head } = parts
    this.#tunnel = new Tunnel(
      { client, replica, isWebSocket: isWebSocket(head) },
      {
        onMoved: () => {
          this.#movedAt = context.tick
        },
        onEnd: isBroken => this.#onEnd(isBroken)
      }
    )
  }

  start(): void {
    this.#tunnel.start()
  }

  shutDown(): void {
    this.#tunnel.close(closings.goingAway)
  }

  checkStall(): void {
    const { tick, pace } = this.#context
    if (tick - this.#movedAt > pace.exec) this.#tunnel.close(closings.idle)
  }

  onReplicaEnd(containerId: string, why: ReplicaEnd): void {
    if (containerId !== this.#parts.attempt.endpoint.containerId) return
    this.#tunnel.close(why === 'stopped' ? closings.restart : closings.died)
  }

  #onEnd(isBroken: boolean): void {
    const { attempt, record } = this.#parts
    attempt.abort(new Error('the session has ended'))
    this.#context.active.delete(this)
    const { containerId } = attempt.endpoint
    if (isBroken) record.warn('Closed a session whose replica went away', { containerId })
    record.ended(isBroken ? BROKEN : SWITCHED)
  }
}
