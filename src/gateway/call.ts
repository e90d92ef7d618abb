import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { Answer } from './answer.ts'
import type { Attempt } from './attempt.ts'
import type { ActiveCall, CallContext } from './call-context.ts'
import { CallRecord } from './call-record.ts'
import { CallTimes } from './call-times.ts'
import { Delivery, type Sender } from './delivery.ts'
import { Outgoing } from './outgoing.ts'
import type { ProxyTarget } from './proxy-deps.ts'
import { type Refusal, refusalOf, refusals } from './refusal.ts'
import type { Head } from './relay.ts'
import { openSession } from './session.ts'

/** In metrics, as nginx has it: the client closed the request. */
const CLIENT_LEFT = 499

/** One call from its request to the end of its answer: what its client gets, and when it is over. */
export class Call implements ActiveCall, Sender {
  readonly key: string
  readonly isSession = false
  readonly #context: CallContext
  readonly #req: IncomingMessage
  readonly #target: ProxyTarget
  readonly #answer: Answer
  readonly #record: CallRecord
  readonly #outgoing: Outgoing
  readonly #delivery: Delivery
  readonly #times = new CallTimes()
  #isOver = false

  constructor(context: CallContext, req: IncomingMessage, res: ServerResponse, target: ProxyTarget) {
    this.key = `${target.namespace}/${target.name}`
    this.#context = context
    this.#req = req
    this.#target = target
    const { deps, servedBy } = context
    const answer = new Answer(req, res, {
      now: deps.clock.now(),
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

  checkStall(): void {
    const { tick, pace } = this.#context
    // A function that has begun to answer may take its time with both.
    const overdue = this.#times.overdue(tick, this.#waitsForBody && !this.#answer.isBegun, pace)
    if (overdue === 'stalled') this.#onStalled()
    else if (overdue === 'slow') this.#onSlow()
  }

  onProgress(): void {
    this.#times.moved(this.#context.tick)
  }

  onWait(): void {
    this.#times.stop()
  }

  onSent(): void {
    this.onProgress()
  }

  onBytes(bytes: number): void {
    this.#times.bodyMoved(this.#context.tick, bytes)
    const { maxBodyBytes } = this.#context.deps
    if (maxBodyBytes > 0 && this.#times.bodyBytes > maxBodyBytes) this.#onTooLarge(maxBodyBytes)
  }

  onHead(attempt: Attempt, head: Head): void {
    this.onProgress()
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
    return this.#answer.data(chunk, this.#onDrain)
  }

  onEnd(rawTrailers: readonly Buffer[]): void {
    this.#finish(this.#answer.end(rawTrailers))
  }

  /** The function speaks another protocol from now on: what goes on is a session, and no call. */
  onUpgrade(attempt: Attempt, head: Head, replica: Duplex): void {
    const { upgrade } = this.#target
    try {
      if (upgrade === undefined) throw new Error('nobody asked for another protocol')
      const client = this.#answer.switch(head, upgrade)
      openSession(this.#context, { attempt, head, record: this.#record, client, replica })
    } catch (error) {
      replica.destroy()
      attempt.abort(toError(error))
      this.refuseLogged(refusals.broken(this.key), error)
      return
    }
    this.#isOver = true
    this.#delivery.end()
    this.#context.active.delete(this)
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

  refuseLogged(refusal: Refusal, err?: unknown): void {
    this.#warn('Answered in place of a function', { status: refusal.status, reason: refusal.text, err })
    this.refuse(refusal)
  }

  readonly #onDrain = (): void => {
    this.onProgress()
    this.#delivery.attempt?.resume()
  }

  /** No byte moved for `execMs`: whose fault it is decides the answer. */
  #onStalled(): void {
    const { execMs } = this.#context.deps.timeouts
    const waitsForBody = this.#waitsForBody
    this.#delivery.abort(`no byte moved for ${execMs} ms`)
    if (this.#answer.isBegun) {
      this.#cut(this.#answer.isPaused ? 'Cut off a client that did not read' : 'Cut off an answer that stopped')
    } else if (waitsForBody) this.refuse(refusals.slowClient(execMs))
    else this.refuseLogged(refusals.timeout(this.key, execMs))
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

  #onSlow(): void {
    const { readMs } = this.#context.deps.timeouts
    this.#delivery.abort(`the client sent next to nothing for ${readMs} ms`)
    this.refuse(refusals.slowClient(readMs))
  }

  #refusalAtStart(): Refusal | undefined {
    return refusalOf(this.#req, this.#target.path, this.#context.deps.maxBodyBytes)
  }

  /** The connection is gone, or the answer is complete. */
  #leave(): void {
    if (this.#isOver) return
    this.#delivery.abort('the client left')
    this.#finish(CLIENT_LEFT)
  }

  #cut(message: string, err?: unknown): void {
    if (this.#isOver) return
    this.#warn(message, { err })
    this.#finish(502)
    this.#answer.cut()
  }

  #warn(message: string, fields: object): void {
    this.#record.warn(message, { containerId: this.#delivery.attempt?.endpoint.containerId, ...fields })
  }

  #finish(code: number): void {
    this.#isOver = true
    this.#delivery.end()
    this.#context.active.delete(this)
    this.#record.ended(code)
  }
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
