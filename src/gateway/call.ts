import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { Answer } from './answer.ts'
import type { Attempt } from './attempt.ts'
import type { ActiveCall, CallContext } from './call-context.ts'
import type { CallLimits } from './call-limits.ts'
import { CallRecord } from './call-record.ts'
import { CallTimes, type Overdue } from './call-times.ts'
import { Delivery, type Sender } from './delivery.ts'
import type { Route } from './endpoints.ts'
import type { RawHeaders } from './headers.ts'
import { hopsOf } from './hops.ts'
import { Outgoing } from './outgoing.ts'
import type { ProxyTarget, ShedReason, TimeoutKind } from './proxy-deps.ts'
import { type Refusal, refusalOf, refusalOfTimeout, refusals } from './refusal.ts'
import type { Head } from './relay.ts'
import { openSession } from './session.ts'

/** In metrics, as nginx has it: the client closed the request. */
const CLIENT_LEFT = 499
/** In metrics, of an answer that was cut off as nobody may have it any more. */
const REVOKED = 401
/** More than real chains of functions have, and soon reached by one that has no end. */
const HOPS_MAX = 16

const TIMEOUTS = {
  ...{ total: 'total', 'first-byte': 'first_byte', idle: 'idle', slow: 'body' }
} satisfies Record<Overdue, TimeoutKind>

/** One call from its request to the end of its answer: what its client gets, and when it is over. */
export class Call implements ActiveCall, Sender {
  readonly key: string
  readonly isSession = false
  place = 0
  readonly #context: CallContext
  readonly #req: IncomingMessage
  readonly #target: ProxyTarget
  readonly #answer: Answer
  readonly #record: CallRecord
  readonly #outgoing: Outgoing
  readonly #delivery: Delivery
  readonly #times: CallTimes
  #limits: CallLimits
  #isOver = false
  #isRevoked = false

  constructor(context: CallContext, req: IncomingMessage, res: ServerResponse, target: ProxyTarget) {
    this.key = `${target.namespace}/${target.name}`
    this.#context = context
    this.#req = req
    this.#target = target
    const { deps, servedBy, limits, clock } = context
    this.#limits = limits.defaults
    this.#times = new CallTimes(clock.tick)
    const answer = new Answer(req, res, {
      now: target.acceptedAt ?? deps.clock.now(),
      servedBy,
      owesContinue: target.owesContinue === true
    })
    const record = new CallRecord(deps, this.key, answer.marks.callId)
    const outgoing = new Outgoing(req, target, deps.isTrusted?.(req) === true)
    this.#answer = answer
    this.#record = record
    this.#outgoing = outgoing
    this.#delivery = new Delivery(context, this.key, { target, outgoing, answer, record }, this)
    res.on('close', () => this.#leave())
  }

  get limits(): CallLimits {
    return this.#limits
  }

  get tokenId(): string | undefined {
    return this.#target.tokenId
  }

  get ticker(): CallLimits['ticker'] {
    return this.#limits.ticker
  }

  /** Begins; everything else happens by events. */
  start(): void {
    this.#context.active.add(this)
    const { isClosed, isClosing } = this.#context
    // A session would end with those that are open already.
    const isLate = isClosed || (isClosing && this.#outgoing.wantsUpgrade)
    const refusal = isLate ? refusals.closing() : this.#refusalAtStart()
    if (refusal !== undefined) this.refuse(refusal)
    else this.#delivery.advance()
  }

  shutDown(): void {
    if (this.#isOver) return
    this.#delivery.abort('the gateway is shutting down')
    if (this.#answer.isBegun) this.#cut('Cut off an answer at the end of the grace period')
    else this.refuse(refusals.closing())
  }

  onTokenEnd(): void {
    this.#isRevoked = true
    if (this.#answer.isBegun) this.#cutRevoked()
    else if (this.#delivery.attempt === undefined) {
      this.#delivery.abort('the token is no longer good')
      this.refuse(refusals.revoked())
    }
  }

  checkStall(): void {
    if (this.#isRevoked && this.#answer.isBegun) {
      this.#cutRevoked()
      return
    }
    const { clock, pace } = this.#limits
    const progress = { isAnswered: this.#answer.isBegun, isBodyAwaited: this.#waitsForBody }
    const overdue = this.#times.overdue(clock.tick, progress, pace)
    if (overdue !== undefined) this.#onOverdue(overdue)
  }

  onRoute({ settings }: Route): void {
    const limits = this.#context.limits.of(settings)
    if (limits === this.#limits) return
    if (limits.clock !== this.#limits.clock) {
      this.#limits.ticker?.delete(this)
      this.#times.rebase(limits.clock.tick, this.#record.elapsedMs, limits.pace)
      limits.ticker?.add(this)
    }
    this.#limits = limits
  }

  onProgress(): void {
    this.#times.moved(this.#limits.clock.tick)
  }

  onWait(): void {
    this.#times.stop()
  }

  onSent(): void {
    this.onProgress()
  }

  onBytes(bytes: number): void {
    this.#times.bodyMoved(this.#limits.clock.tick, bytes)
    this.#context.used.passed(bytes)
    const { maxBodyBytes } = this.#context.deps
    if (maxBodyBytes > 0 && this.#times.bodyBytes > maxBodyBytes) this.#onTooLarge(maxBodyBytes)
  }

  onHead(attempt: Attempt, head: Head): void {
    this.onProgress()
    if (this.#delivery.isRetriedAfter(attempt, head)) return
    try {
      this.#answer.head(head, this.#context.isClosing || this.#outgoing.wantsUpgrade)
    } catch (error) {
      // node:http is stricter than undici about what a header may hold.
      attempt.abort(toError(error))
      this.refuseLogged(refusals.broken(this.key), error)
    }
  }

  onData(_attempt: Attempt, chunk: Buffer): boolean {
    this.onProgress()
    this.#context.used.passed(chunk.length)
    return this.#answer.data(chunk, this.#onDrain)
  }

  onEnd(rawTrailers: RawHeaders): void {
    this.#finish(this.#answer.end(rawTrailers))
  }

  /** The function speaks another protocol from now on: what goes on is a session, and no call. */
  onUpgrade(attempt: Attempt, head: Head, replica: Duplex): void {
    const { upgrade } = this.#target
    try {
      if (upgrade === undefined) throw new Error('nobody asked for another protocol')
      const client = this.#answer.switch(head, upgrade)
      const parts = { attempt, head, record: this.#record, limits: this.#limits, client, replica }
      const session = openSession(this.#context, { ...parts, tokenId: this.tokenId })
      if (this.#isRevoked) session.onTokenEnd()
    } catch (error) {
      replica.destroy()
      attempt.abort(toError(error))
      this.refuseLogged(refusals.broken(this.key), error)
      return
    }
    this.#isOver = true
    this.#delivery.end()
    this.#context.active.delete(this)
    this.#limits.ticker?.delete(this)
  }

  onFailed(attempt: Attempt, error: Error): void {
    if (this.#answer.isBegun) this.#cut('Cut off an answer that broke off', error)
    else this.#delivery.recover(attempt, error)
  }

  refuse(refusal: Refusal): void {
    if (this.#isOver) return
    this.#finish(refusal.status)
    this.#answer.refuse(refusal, this.#context.isClosing)
  }

  shed(refusal: Refusal, reason: ShedReason): void {
    if (this.#isOver) return
    this.#record.shed(reason)
    this.#finish(refusal.status)
    this.#context.shedder.answer(() => this.#answer.refuse(refusal, this.#context.isClosing))
  }

  refuseLogged(refusal: Refusal, err?: unknown): void {
    this.#warn('Answered in place of a function', { status: refusal.status, reason: refusal.text, err })
    this.refuse(refusal)
  }

  readonly #onDrain = (): void => {
    this.onProgress()
    this.#delivery.attempt?.resume()
  }

  #onOverdue(overdue: Overdue): void {
    this.#record.timedOut(TIMEOUTS[overdue])
    const answer = this.#answer
    const refusal = refusalOfTimeout(overdue, this.key, this.#limits)
    // Nobody gets an answer after the total time; a call that has none of its own is tried again instead, if it may be.
    if (overdue === 'first-byte' && this.#delivery.isRetried(refusal.status)) return
    this.#delivery.abort(refusal.text)
    if (!answer.isBegun && refusal.status === 408) this.refuse(refusal)
    else if (!answer.isBegun) this.refuseLogged(refusal)
    else if (overdue === 'total') this.#cut('Cut off an answer that took too long')
    else this.#cut(answer.isPaused ? 'Cut off a client that did not read' : 'Cut off an answer that stopped')
  }

  /** Whether the client is to send more of its body before anything else can happen. */
  get #waitsForBody(): boolean {
    return this.#delivery.attempt === undefined ? this.#times.isRunning : this.#outgoing.isStarved
  }

  #onTooLarge(maxBodyBytes: number): void {
    this.#delivery.abort('the body of the call is too large')
    if (this.#answer.isBegun) this.#cut('Cut off a call whose body is too large')
    else this.refuse(refusals.tooLarge(maxBodyBytes))
  }

  #refusalAtStart(): Refusal | undefined {
    const { hopsMax = HOPS_MAX, maxBodyBytes, table } = this.#context.deps
    if (hopsMax === 0 || hopsOf(this.#req) < hopsMax) return refusalOf(this.#req, this.#target.path, maxBodyBytes)
    if (table.get(this.key) !== undefined) this.#record.count()
    this.#record.shed('loop')
    return refusals.looped(this.key, hopsMax)
  }

  /** The connection is gone, or the answer is complete. */
  #leave(): void {
    if (this.#isOver) return
    this.#delivery.abort('the client left')
    this.#finish(CLIENT_LEFT)
  }

  #cut(message: string, err?: unknown, code = 502): void {
    if (this.#isOver) return
    this.#warn(message, { err })
    this.#finish(code)
    this.#answer.cut()
  }

  #cutRevoked(): void {
    this.#delivery.abort('the token is no longer good')
    this.#cut('Cut off an answer whose token is no longer good', undefined, REVOKED)
  }

  #warn(message: string, fields: object): void {
    this.#record.warn(message, { containerId: this.#delivery.attempt?.endpoint.containerId, ...fields })
  }

  #finish(code: number): void {
    this.#isOver = true
    this.#delivery.end()
    this.#context.active.delete(this)
    this.#limits.ticker?.delete(this)
    this.#record.ended(code)
  }
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
