import type { Duplex } from 'node:stream'
import type { Attempt } from './attempt.ts'
import type { ActiveCall, CallContext } from './call-context.ts'
import type { CallLimits } from './call-limits.ts'
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
  /** What holds for calls of the function. */
  readonly limits: CallLimits
  readonly client: Duplex
  readonly replica: Duplex
  /** Of the token by which it was opened. */
  readonly tokenId: string | undefined
}

/** Passes on what both sides say until they end it; counts as in flight, and as active, until then. */
export function openSession(context: CallContext, parts: SessionParts): ActiveCall {
  const session = new Session(context, parts)
  context.active.add(session)
  parts.limits.ticker?.add(session)
  session.start()
  return session
}

/** A call whose function took another protocol, such as WebSocket. */
class Session implements ActiveCall {
  readonly isSession = true
  place = 0
  readonly #context: CallContext
  readonly #parts: SessionParts
  readonly #tunnel: Tunnel
  /** The tick in which a byte last moved. */
  #movedAt: number
  /** It is being closed because a time of it is over. */
  #isOverdue = false

  get ticker(): CallLimits['ticker'] {
    return this.#parts.limits.ticker
  }

  get tokenId(): string | undefined {
    return this.#parts.tokenId
  }

  constructor(context: CallContext, parts: SessionParts) {
    this.#context = context
    this.#parts = parts
    const { client, replica, head } = parts
    const { clock } = parts.limits
    this.#movedAt = clock.tick
    this.#tunnel = new Tunnel(
      { client, replica, isWebSocket: isWebSocket(head) },
      {
        onMoved: bytes => {
          this.#movedAt = clock.tick
          context.used.passed(bytes)
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

  onTokenEnd(): void {
    this.#tunnel.close(closings.revoked)
  }

  checkStall(): void {
    const { limits, record } = this.#parts
    if (limits.clock.tick - this.#movedAt > limits.pace.idle) this.#onOverdue('idle')
    else if (limits.totalMs !== undefined && record.elapsedMs > limits.totalMs) this.#onOverdue('total')
  }

  onReplicaEnd(containerId: string, why: ReplicaEnd): void {
    if (containerId !== this.#parts.attempt.endpoint.containerId) return
    this.#tunnel.close(why === 'stopped' ? closings.restart : closings.died)
  }

  #onOverdue(kind: 'idle' | 'total'): void {
    if (!this.#isOverdue) this.#parts.record.timedOut(kind)
    this.#isOverdue = true
    this.#tunnel.close(kind === 'idle' ? closings.idle : closings.overdue)
  }

  #onEnd(isBroken: boolean): void {
    const { attempt, record, limits } = this.#parts
    attempt.abort(new Error('the session has ended'))
    this.#context.active.delete(this)
    limits.ticker?.delete(this)
    const { containerId } = attempt.endpoint
    if (isBroken) record.warn('Closed a session whose replica went away', { containerId })
    record.ended(isBroken ? BROKEN : SWITCHED)
  }
}
