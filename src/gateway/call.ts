import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Attempt, type AttemptEvents } from './attempt.ts'
import { pickEndpoint } from './balancer.ts'
import { type BodyKind, bodyKindOf, readSmallBody, StreamedBody } from './body.ts'
import type { Endpoint } from './endpoints.ts'
import { failureOf, isIdempotent } from './failure.ts'
import { clientCallId, type ResponseMarks, toUnixNanos, toUpstreamHeaders } from './headers.ts'
import type { DispatchOptions, EndpointPools } from './pools.ts'
import type { ProxyDeps, ProxyTarget } from './proxy-deps.ts'
import { type Refusal, refusalOf, refusals, writeRefusal } from './refusal.ts'
import { cutOff, type Head, writeEnd, writeHead, writeInformation } from './relay.ts'
import { turnOf } from './turn.ts'
import type { Guest, WaitingRoom } from './waiting-room.ts'

/** What all calls of a proxy share. */
export interface CallContext {
  readonly deps: ProxyDeps
  readonly maxPerEndpoint: number
  readonly servedBy: string
  readonly room: WaitingRoom
  readonly pools: EndpointPools
  /** Calls that have not ended. */
  readonly active: Set<Call>
  isClosing: boolean
  /** Time as calls count it; `TICKS` of them are `execMs`. */
  tick: number
}

/**
 * So many ticks without a byte end a call. One clock for all calls and not a timer for each, as a process that stood still
 * skips ticks: answers that came meanwhile are read before anybody's time is over. It is no faster (hack/bench/data-plane.ts).
 */
export const TICKS = 10

/** Of a call that waits for an endpoint, which has its own time. */
const UNTIMED = -1

/** In metrics, as nginx has it: the client closed the request. */
const CLIENT_LEFT = 499

/** One call from its request to the end of its answer: looks for an endpoint, waits, sends, sends again, and relays. */
export class Call implements Guest, AttemptEvents {
  readonly key: string
  waitUntil = 0
  readonly #context: CallContext
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  readonly #target: ProxyTarget
  readonly #marks: ResponseMarks
  readonly #startedAt: number
  readonly #kind: BodyKind
  #body: Buffer | StreamedBody | null = null
  #attempt: Attempt | undefined
  /** Containers that could not be reached since the table last changed. */
  #tried: Set<string> | undefined
  #wasRepeated = false
  #isCounted = false
  #isHeadSent = false
  /** The client reads slower than the function writes. */
  #isPaused = false
  #isOver = false
  /** The tick in which a byte last moved. */
  #movedAt = UNTIMED

  constructor(context: CallContext, req: IncomingMessage, res: ServerResponse, target: ProxyTarget) {
    this.key = `${target.namespace}/${target.name}`
    this.#context = context
    this.#req = req
    this.#res = res
    this.#target = target
    const { clock } = context.deps
    this.#startedAt = clock.monotonic()
    const given = clientCallId(req)
    this.#marks = {
      callId: given ?? randomUUID(),
      generated: given === undefined,
      startTime: toUnixNanos(clock.now()),
      servedBy: context.servedBy
    }
    this.#kind = bodyKindOf(req)
  }

  /** Begins; everything else happens by events. */
  start(): void {
    this.#context.active.add(this)
    this.#res.on('close', () => this.#leave())
    const refusal = this.#context.isClosing ? refusals.closing() : refusalOf(this.#req, this.#target.path)
    if (refusal !== undefined) this.#refuse(refusal)
    else this.#advance()
  }

  /** Ends it now: with an answer if none has begun, else by cutting it off. */
  shutDown(): void {
    if (this.#isOver) return
    this.#attempt?.abort(new Error('the gateway is shutting down'))
    if (this.#isHeadSent) this.#cut('Cut off an answer at the end of the grace period')
    else this.#refuse(refusals.closing())
  }

  /** Ends it if no byte moved for too long; called in every tick. */
  checkStall(): void {
    if (this.#movedAt !== UNTIMED && this.#context.tick - this.#movedAt > TICKS) this.#onStalled()
  }

  onTurn(): void {
    this.#tried = undefined
    if (this.#context.isClosing) this.#refuse(refusals.closing())
    else this.#advance()
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
      if (head.status < 200) {
        writeInformation(this.#req, this.#res, head)
        return
      }
      const isSized = writeHead(this.#req, this.#res, head, { marks: this.#marks, close: this.#context.isClosing })
      this.#isHeadSent = true
      // node:http keeps the head back for the first byte of the body, which an event stream may not have for long.
      if (!isSized) process.nextTick(flushHead, this.#res)
    } catch (error) {
      // node:http is stricter than undici about what a header may hold.
      attempt.abort(toError(error))
      this.#refuseLogged(refusals.broken(this.key), error)
    }
  }

  onData(_attempt: Attempt, chunk: Buffer): boolean {
    this.#touch()
    if (this.#res.write(chunk)) return true
    this.#isPaused = true
    this.#res.once('drain', this.#onDrain)
    return false
  }

  onEnd(rawTrailers: readonly Buffer[]): void {
    writeEnd(this.#res, rawTrailers)
    this.#finish(this.#res.statusCode)
  }

  onFailed(attempt: Attempt, error: Error): void {
    if (this.#isHeadSent) this.#cut('Cut off an answer that broke off', error)
    else this.#recover(attempt, error)
  }

  #recover(attempt: Attempt, error: Error): void {
    const failure = failureOf(error, attempt)
    if (failure === 'unreachable') this.#context.deps.onUnreachable(this.key, attempt.endpoint.containerId)
    if (failure === 'unreachable' || failure === 'local') this.#tryElsewhere(attempt, error)
    else if (failure === 'invalid')
      this.#refuse(refusals.badRequest(`the request cannot be passed on: ${error.message}`))
    else if (failure === 'broken') this.#refuseLogged(refusals.broken(this.key), error)
    else if (this.#mayRepeat()) this.#repeat(attempt, error)
    else this.#refuseLogged(refusals.lost(this.key), error)
  }

  #advance(): void {
    const turn = turnOf(this.key, this.#context.deps)
    if (this.#context.deps.table.get(this.key) !== undefined) this.#count()
    if (turn === 'go') this.#go()
    else if (turn === 'wait') this.#wait()
    else this.#turnAway(turn)
  }

  #turnAway(turn: 'asleep' | 'troubled' | 'unknown'): void {
    const { name, namespace } = this.#target
    if (turn === 'asleep') this.#refuse(refusals.asleep(name, namespace))
    else if (turn === 'unknown') this.#refuse(refusals.unknown(name, namespace))
    else this.#refuse(refusals.troubled(this.key, this.#context.deps.table.get(this.key)?.trouble ?? ''))
  }

  #go(): void {
    if (this.#kind === 'small' && this.#body === null) {
      this.#readBody()
      return
    }
    if (this.#kind === 'streamed') this.#body ??= new StreamedBody(this.#req, () => this.#sendContinue())
    const endpoint = this.#pick()
    if (endpoint !== undefined) this.#send(endpoint)
  }

  #readBody(): void {
    this.#touch()
    this.#sendContinue()
    readSmallBody(
      this.#req,
      () => this.#touch(),
      body => {
        this.#body = body
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

  #send(endpoint: Endpoint, fresh = false): void {
    this.#touch()
    const { deps, pools } = this.#context
    const attempt = new Attempt(endpoint, this, deps.inflight.acquire(endpoint.containerId))
    this.#attempt = attempt
    const options: DispatchOptions = {
      path: this.#target.path,
      method: this.#req.method ?? 'GET',
      headers: toUpstreamHeaders(this.#req, this.#marks),
      body: this.#body
    }
    if (fresh) pools.dispatchFresh(endpoint, options, attempt)
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

  /** Whether a request whose connection was lost may go out a second time. */
  #mayRepeat(): boolean {
    return !this.#wasRepeated && this.#kind !== 'streamed' && isIdempotent(this.#req.method ?? '')
  }

  /** Once more: at another endpoint, or over a new connection to the same one, as a kept one may have been stale. */
  #repeat(attempt: Attempt, error: Error): void {
    this.#wasRepeated = true
    const { deps } = this.#context
    const endpoints = deps.table.get(this.key)?.endpoints ?? []
    const same = endpoints.find(e => e.containerId === attempt.endpoint.containerId)
    if (same !== undefined && endpoints.length === 1) {
      deps.metrics.retried(this.key)
      this.#send(same, true)
    } else this.#tryElsewhere(attempt, error)
  }

  readonly #onDrain = (): void => {
    this.#isPaused = false
    this.#touch()
    this.#attempt?.resume()
  }

  /** No byte moved for `execMs`: whose fault it is decides the answer. */
  #onStalled(): void {
    const { execMs } = this.#context.deps.timeouts
    const body = this.#body
    const waitsForBody = this.#attempt === undefined || (body instanceof StreamedBody && body.isStarved)
    this.#attempt?.abort(new Error(`no byte moved for ${execMs} ms`))
    if (this.#isHeadSent) {
      this.#cut(this.#isPaused ? 'Cut off a client that did not read' : 'Cut off an answer that stopped')
    } else if (waitsForBody) this.#refuse(refusals.slowClient(execMs))
    else this.#refuseLogged(refusals.timeout(this.key, execMs))
  }

  /** The connection is gone, or the answer is complete. */
  #leave(): void {
    if (this.#isOver) return
    this.#context.room.leave(this.key, this)
    this.#attempt?.abort(new Error('the client left'))
    this.#finish(CLIENT_LEFT)
  }

  #refuseLogged(refusal: Refusal, err?: unknown): void {
    const containerId = this.#attempt?.endpoint.containerId
    this.#context.deps.log.warn(
      { key: this.key, containerId, callId: this.#marks.callId, status: refusal.status, reason: refusal.text, err },
      'Answered in place of a function'
    )
    this.#refuse(refusal)
  }

  #refuse(refusal: Refusal): void {
    if (this.#isOver) return
    const close = refusal.close === true || this.#context.isClosing || this.#owesContinue
    this.#finish(refusal.status)
    writeRefusal(this.#res, { ...refusal, close }, this.#marks)
  }

  #cut(message: string, err?: unknown): void {
    if (this.#isOver) return
    const containerId = this.#attempt?.endpoint.containerId
    this.#context.deps.log.warn({ key: this.key, containerId, callId: this.#marks.callId, err }, message)
    this.#finish(502)
    cutOff(this.#req, this.#res)
  }

  #finish(code: number): void {
    this.#isOver = true
    if (this.#body instanceof StreamedBody) this.#body.destroy()
    const { active, deps } = this.#context
    active.delete(this)
    if (this.#isCounted) deps.metrics.finished(this.key, code, (deps.clock.monotonic() - this.#startedAt) / 1000)
  }

  /** Only calls of functions that exist are counted, and only once. */
  #count(): void {
    if (this.#isCounted) return
    this.#isCounted = true
    this.#context.deps.metrics.started(this.key)
  }

  #wasContinued = false

  get #owesContinue(): boolean {
    return this.#target.owesContinue === true && !this.#wasContinued
  }

  #sendContinue(): void {
    if (!this.#owesContinue) return
    this.#wasContinued = true
    this.#res.writeContinue()
  }

  /** A byte moved. */
  #touch(): void {
    this.#movedAt = this.#context.tick
  }
}

function flushHead(res: ServerResponse): void {
  if (!res.writableEnded && res.writableLength === 0) res.flushHeaders()
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
