import type { IncomingMessage, ServerResponse } from 'node:http'
import { Answer } from './answer.ts'
import { Attempt, type AttemptEvents } from './attempt.ts'
import { pickEndpoint } from './balancer.ts'
import { BodyPace } from './body-pace.ts'
import type { ActiveCall, CallContext } from './call-context.ts'
import { CallRecord } from './call-record.ts'
import type { Endpoint } from './endpoints.ts'
import { failureOf } from './failure.ts'
import { Outgoing } from './outgoing.ts'
import type { ProxyTarget } from './proxy-deps.ts'
import { type Refusal, refusalOf, refusalOfTurn, refusals } from './refusal.ts'
import type { Head } from './relay.ts'
import { turnOf } from './turn.ts'
import type { Guest } from './waiting-room.ts'

/** Of a call that waits for an endpoint, which has its own time. */
const UNTIMED = -1

/** In metrics, as nginx has it: the client closed the request. */
const CLIENT_LEFT = 499

/** One call from its request to the end of its answer: looks for an endpoint, waits, sends, and sends again. */
export class Call implements ActiveCall, Guest, AttemptEvents {
  readonly key: string
  waitUntil = 0
  readonly #context: CallContext
  readonly #req: IncomingMessage
  readonly #target: ProxyTarget
  readonly #answer: Answer
  readonly #record: CallRecord
  readonly #outgoing: Outgoing
  #attempt: Attempt | undefined
  /** Containers that could not be reached since the table last changed. */
  #tried: Set<string> | undefined
  /** It goes out a second time, so over connections that were never used before: another kept one may be stale as well. */
  #isRepeated = false
  #isOver = false
  /** The tick in which a byte last moved. */
  #movedAt = UNTIMED
  readonly #bodyPace = new BodyPace()

  constructor(context: CallContext, req: IncomingMessage, res: ServerResponse, target: ProxyTarget) {
    this.key = `${target.namespace}/${target.name}`
    this.#context = context
    this.#req = req
    this.#target = target
    const { deps, servedBy } = context
    this.#answer = new Answer(req, res, {
      now: deps.clock.now(),
      servedBy,
      owesContinue: target.owesContinue === true
    })
    this.#record = new CallRecord(deps, this.key, this.#answer.marks.callId)
    this.#outgoing = new Outgoing(req, target.path, deps.isTrusted?.(req) === true)
    res.on('close', () => this.#leave())
  }

  /** Begins; everything else happens by events. */
  start(): void {
    this.#context.active.add(this)
    const refusal = this.#context.isClosed ? refusals.closing() : this.#refusalAtStart()
    if (refusal !== undefined) this.#refuse(refusal)
    else this.#advance()
  }

  shutDown(): void {
    if (this.#isOver) return
    this.#attempt?.abort(new Error('the gateway is shutting down'))
    if (this.#answer.isBegun) this.#cut('Cut off an answer at the end of the grace period')
    else this.#refuse(refusals.closing())
  }

  checkStall(): void {
    const { tick, pace } = this.#context
    if (this.#movedAt !== UNTIMED && tick - this.#movedAt > pace.exec) this.#onStalled()
    // A function that has begun to answer may take its time with both.
    else if (this.#bodyPace.isTooSlow(this.#waitsForBody && !this.#answer.isBegun, pace)) this.#onSlow()
  }

  onTurn(): void {
    this.#tried = undefined
    this.#advance()
  }

  onExpired(): void {
    const { name, namespace } = this.#target
    if (turnOf(this.key, this.#context.deps) === 'unknown') this.#refuse(refusals.unknown(name, namespace))
    else this.#refuse(refusals.notReady(this.key, this.#context.deps.timeouts.waitMs))
  }

  onRemoved(): void {
    this.#refuse(refusals.unknown(this.#target.name, this.#target.namespace))
  }

  onSent(): void {
    this.#touch()
  }

  onHead(attempt: Attempt, head: Head): void {
    this.#touch()
    try {
      this.#answer.head(head, this.#context.isClosing)
    } catch (error) {
      // node:http is stricter than undici about what a header may hold.
      attempt.abort(toError(error))
      this.#refuseLogged(refusals.broken(this.key), error)
    }
  }

  onData(_attempt: Attempt, chunk: Buffer): boolean {
    this.#touch()
    return this.#answer.data(chunk, this.#onDrain)
  }

  onEnd(rawTrailers: readonly Buffer[]): void {
    this.#finish(this.#answer.end(rawTrailers))
  }

  onFailed(attempt: Attempt, error: Error): void {
    if (this.#answer.isBegun) this.#cut('Cut off an answer that broke off', error)
    else this.#recover(attempt, error)
  }

  #recover(attempt: Attempt, error: Error): void {
    const failure = failureOf(error, attempt)
    if (failure === 'unreachable') this.#context.deps.onUnreachable(this.key, attempt.endpoint.containerId)
    if (failure === 'unreachable' || failure === 'local') this.#tryElsewhere(attempt, error)
    else if (failure === 'invalid')
      this.#refuse(refusals.badRequest(`the request cannot be passed on: ${error.message}`))
    else if (failure === 'broken') this.#refuseLogged(refusals.broken(this.key), error)
    else if (!this.#isRepeated && this.#outgoing.isRepeatable) this.#repeat(attempt, error)
    else this.#refuseLogged(refusals.lost(this.key), error)
  }

  #advance(): void {
    const turn = turnOf(this.key, this.#context.deps)
    if (this.#context.deps.table.get(this.key) !== undefined) this.#record.count()
    if (turn === 'go') this.#go()
    else if (turn === 'wait') this.#wait()
    else this.#refuse(refusalOfTurn(turn, this.#target, this.#context.deps.table.get(this.key)?.trouble))
  }

  #go(): void {
    if (this.#outgoing.isUnread) {
      this.#readBody()
      return
    }
    const endpoint = this.#pick()
    if (endpoint !== undefined) this.#send(endpoint)
  }

  #readBody(): void {
    this.#touch()
    this.#answer.sendContinue()
    this.#outgoing.read(
      bytes => this.#onBytes(bytes),
      () => {
        if (!this.#isOver) this.#advance()
      }
    )
  }

  /** An endpoint; without one the call waits or is refused. */
  #pick(): Endpoint | undefined {
    const { deps, maxPerEndpoint } = this.#context
    const endpoints = deps.table.get(this.key)?.endpoints ?? []
    const tried = this.#tried
    const picked = pickEndpoint(endpoints, { inflight: deps.inflight, random: deps.random, tried, maxPerEndpoint })
    if (picked !== undefined) return picked
    if (endpoints.some(e => tried?.has(e.containerId) !== true)) this.#refuse(refusals.overloaded(this.key))
    else this.#wait()
    return undefined
  }

  #send(endpoint: Endpoint): void {
    this.#touch()
    const { deps, pools } = this.#context
    const attempt = new Attempt(endpoint, this, deps.inflight.acquire(endpoint.containerId))
    this.#attempt = attempt
    const options = this.#outgoing.options(this.#answer.marks, {
      onStart: () => this.#answer.sendContinue(),
      onBytes: bytes => this.#onBytes(bytes)
    })
    if (this.#isRepeated) pools.dispatchFresh(endpoint, options, attempt)
    else pools.dispatch(this.key, endpoint, options, attempt)
  }

  #wait(): void {
    this.#movedAt = UNTIMED
    const { deps, room, isClosing } = this.#context
    if (this.waitUntil === 0) this.waitUntil = deps.clock.monotonic() + deps.timeouts.waitMs
    if (isClosing) this.#refuse(refusals.closing())
    else if (!room.enter(this.key, this)) this.#refuse(refusals.crowded(this.key))
  }

  /** Nothing was sent: another endpoint, or the next one that appears. */
  #tryElsewhere(attempt: Attempt, error: Error): void {
    this.#tried ??= new Set()
    this.#tried.add(attempt.endpoint.containerId)
    const turn = turnOf(this.key, this.#context.deps)
    if (turn === 'go' || turn === 'wait') {
      this.#context.deps.metrics.retried(this.key)
      this.#advance()
    } else this.#refuseLogged(refusals.unreachable(this.key), error)
  }

  /** Once more, over a new connection: to another endpoint, or to the same one if there is no other. */
  #repeat(attempt: Attempt, error: Error): void {
    this.#isRepeated = true
    const { deps } = this.#context
    const endpoints = deps.table.get(this.key)?.endpoints ?? []
    const same = endpoints.find(e => e.containerId === attempt.endpoint.containerId)
    if (same !== undefined && endpoints.length === 1) {
      deps.metrics.retried(this.key)
      this.#send(same)
    } else this.#tryElsewhere(attempt, error)
  }

  readonly #onDrain = (): void => {
    this.#touch()
    this.#attempt?.resume()
  }

  /** No byte moved for `execMs`: whose fault it is decides the answer. */
  #onStalled(): void {
    const { execMs } = this.#context.deps.timeouts
    const waitsForBody = this.#waitsForBody
    this.#attempt?.abort(new Error(`no byte moved for ${execMs} ms`))
    if (this.#answer.isBegun) {
      this.#cut(this.#answer.isPaused ? 'Cut off a client that did not read' : 'Cut off an answer that stopped')
    } else if (waitsForBody) this.#refuse(refusals.slowClient(execMs))
    else this.#refuseLogged(refusals.timeout(this.key, execMs))
  }

  /** Whether the client is to send more of its body before anything else can happen. */
  get #waitsForBody(): boolean {
    return this.#attempt === undefined ? this.#movedAt !== UNTIMED : this.#outgoing.isStarved
  }

  /** Bytes of the body came. */
  #onBytes(bytes: number): void {
    this.#touch()
    this.#bodyPace.add(bytes)
    const { maxBodyBytes } = this.#context.deps
    if (maxBodyBytes > 0 && this.#bodyPace.bytes > maxBodyBytes) this.#onTooLarge(maxBodyBytes)
  }

  #onTooLarge(maxBodyBytes: number): void {
    this.#attempt?.abort(new Error('the body of the call is too large'))
    if (this.#answer.isBegun) this.#cut('Cut off a call whose body is too large')
    else this.#refuse(refusals.tooLarge(maxBodyBytes))
  }

  #onSlow(): void {
    const { readMs } = this.#context.deps.timeouts
    this.#attempt?.abort(new Error(`the client sent next to nothing for ${readMs} ms`))
    this.#refuse(refusals.slowClient(readMs))
  }

  #refusalAtStart(): Refusal | undefined {
    return refusalOf(this.#req, this.#target.path, this.#context.deps.maxBodyBytes)
  }

  /** The connection is gone, or the answer is complete. */
  #leave(): void {
    if (this.#isOver) return
    this.#context.room.leave(this.key, this)
    this.#attempt?.abort(new Error('the client left'))
    this.#finish(CLIENT_LEFT)
  }

  #refuseLogged(refusal: Refusal, err?: unknown): void {
    this.#warn('Answered in place of a function', { status: refusal.status, reason: refusal.text, err })
    this.#refuse(refusal)
  }

  #refuse(refusal: Refusal): void {
    if (this.#isOver) return
    this.#finish(refusal.status)
    this.#answer.refuse(refusal, this.#context.isClosing)
  }

  #cut(message: string, err?: unknown): void {
    if (this.#isOver) return
    this.#warn(message, { err })
    this.#finish(502)
    this.#answer.cut()
  }

  #warn(message: string, fields: object): void {
    this.#record.warn(message, { containerId: this.#attempt?.endpoint.containerId, ...fields })
  }

  #finish(code: number): void {
    this.#isOver = true
    this.#outgoing.destroy()
    this.#context.active.delete(this)
    this.#record.ended(code)
  }

  /** A byte moved. */
  #touch(): void {
    this.#movedAt = this.#context.tick
  }
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
