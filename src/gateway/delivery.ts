import type { Answer } from './answer.ts'
import { Attempt, type AttemptEvents } from './attempt.ts'
import { pickEndpoint } from './balancer.ts'
import type { CallContext } from './call-context.ts'
import type { CallRecord } from './call-record.ts'
import type { Endpoint } from './endpoints.ts'
import { failureOf } from './failure.ts'
import type { Outgoing } from './outgoing.ts'
import type { ProxyTarget } from './proxy-deps.ts'
import { type Refusal, refusalOfTurn, refusals } from './refusal.ts'
import { turnOf } from './turn.ts'
import type { Guest } from './waiting-room.ts'

/** The call that is delivered: what its attempts and the delivery itself tell it. */
export interface Sender extends AttemptEvents {
  /** Its time runs, and something was done. */
  onProgress: () => void
  /** It waits for an endpoint, which has its own time. */
  onWait: () => void
  /** Bytes of its body came. */
  onBytes: (bytes: number) => void
  refuse: (refusal: Refusal) => void
  /** Refuses, and says so in the log. */
  refuseLogged: (refusal: Refusal, err: unknown) => void
}

/** What of a call the delivery works with. */
export interface Parcel {
  readonly target: ProxyTarget
  readonly outgoing: Outgoing
  readonly answer: Answer
  readonly record: CallRecord
}

/** The way of one call to a replica: looks for an endpoint, waits for one, sends, and sends again. */
export class Delivery implements Guest {
  waitUntil = 0
  readonly #key: string
  readonly #context: CallContext
  readonly #parcel: Parcel
  readonly #sender: Sender
  #attempt: Attempt | undefined
  /** Containers that could not be reached since the table last changed. */
  #tried: Set<string> | undefined
  /** It goes out a second time, so over connections that were never used before: another kept one may be stale as well. */
  #isRepeated = false
  #isOver = false

  constructor(context: CallContext, key: string, parcel: Parcel, sender: Sender) {
    this.#context = context
    this.#key = key
    this.#parcel = parcel
    this.#sender = sender
  }

  /** The last one that was begun. */
  get attempt(): Attempt | undefined {
    return this.#attempt
  }

  /** Looks where the call goes now: to a replica, to the waiting room, or nowhere. */
  advance(): void {
    const { deps } = this.#context
    const turn = turnOf(this.#key, deps)
    const route = deps.table.get(this.#key)
    if (route !== undefined) this.#parcel.record.count()
    if (turn === 'go') this.#go()
    else if (turn === 'wait') this.#wait()
    else this.#sender.refuse(refusalOfTurn(turn, this.#parcel.target, route?.trouble))
  }

  /** Ends the attempt that runs, and the waiting. */
  abort(reason: string): void {
    this.#context.room.leave(this.#key, this)
    this.#attempt?.abort(new Error(reason))
  }

  /** The call is over: nothing is read or begun any more. */
  end(): void {
    this.#isOver = true
    this.#parcel.outgoing.destroy()
  }

  onTurn(): void {
    this.#tried = undefined
    this.advance()
  }

  onExpired(): void {
    const { name, namespace } = this.#parcel.target
    const { deps } = this.#context
    if (turnOf(this.#key, deps) === 'unknown') this.#sender.refuse(refusals.unknown(name, namespace))
    else this.#sender.refuse(refusals.notReady(this.#key, deps.timeouts.waitMs))
  }

  onRemoved(): void {
    this.#sender.refuse(refusals.unknown(this.#parcel.target.name, this.#parcel.target.namespace))
  }

  /** An attempt failed before its answer began: tries another way, or gives up. */
  recover(attempt: Attempt, error: Error): void {
    const failure = failureOf(error, attempt)
    if (failure === 'unreachable') this.#context.deps.onUnreachable(this.#key, attempt.endpoint.containerId)
    if (failure === 'unreachable' || failure === 'local') this.#tryElsewhere(attempt, error)
    else if (failure === 'invalid')
      this.#sender.refuse(refusals.badRequest(`the request cannot be passed on: ${error.message}`))
    else if (failure === 'broken') this.#sender.refuseLogged(refusals.broken(this.#key), error)
    else if (!this.#isRepeated && this.#parcel.outgoing.isRepeatable) this.#repeat(attempt, error)
    else this.#sender.refuseLogged(refusals.lost(this.#key), error)
  }

  #go(): void {
    if (this.#parcel.outgoing.isUnread) {
      this.#readBody()
      return
    }
    const endpoint = this.#pick()
    if (endpoint !== undefined) this.#send(endpoint)
  }

  #readBody(): void {
    this.#sender.onProgress()
    this.#parcel.answer.sendContinue()
    this.#parcel.outgoing.read(
      bytes => this.#sender.onBytes(bytes),
      () => {
        if (!this.#isOver) this.advance()
      }
    )
  }

  /** An endpoint; without one the call waits or is refused. */
  #pick(): Endpoint | undefined {
    const { deps, maxPerEndpoint } = this.#context
    const endpoints = deps.table.get(this.#key)?.endpoints ?? []
    const tried = this.#tried
    const picked = pickEndpoint(endpoints, { inflight: deps.inflight, random: deps.random, tried, maxPerEndpoint })
    if (picked !== undefined) return picked
    if (endpoints.some(e => tried?.has(e.containerId) !== true)) this.#sender.refuse(refusals.overloaded(this.#key))
    else this.#wait()
    return undefined
  }

  #send(endpoint: Endpoint): void {
    this.#sender.onProgress()
    const { deps, pools } = this.#context
    const { outgoing, answer } = this.#parcel
    const attempt = new Attempt(endpoint, this.#sender, deps.inflight.acquire(endpoint.containerId))
    this.#attempt = attempt
    const options = outgoing.options(answer.marks, {
      onStart: () => answer.sendContinue(),
      onBytes: bytes => this.#sender.onBytes(bytes)
    })
    if (this.#isRepeated || outgoing.wantsUpgrade) pools.dispatchFresh(endpoint, options, attempt)
    else pools.dispatch(this.#key, endpoint, options, attempt)
  }

  #wait(): void {
    this.#sender.onWait()
    const { deps, room, isClosing } = this.#context
    if (this.waitUntil === 0) this.waitUntil = deps.clock.monotonic() + deps.timeouts.waitMs
    if (isClosing) this.#sender.refuse(refusals.closing())
    else if (!room.enter(this.#key, this)) this.#sender.refuse(refusals.crowded(this.#key))
  }

  /** Nothing was sent: another endpoint, or the next one that appears. */
  #tryElsewhere(attempt: Attempt, error: Error): void {
    this.#tried ??= new Set()
    this.#tried.add(attempt.endpoint.containerId)
    const turn = turnOf(this.#key, this.#context.deps)
    if (turn === 'go' || turn === 'wait') {
      this.#context.deps.metrics.retried(this.#key)
      this.advance()
    } else this.#sender.refuseLogged(refusals.unreachable(this.#key), error)
  }

  /** Once more, over a new connection: to another endpoint, or to the same one if there is no other. */
  #repeat(attempt: Attempt, error: Error): void {
    this.#isRepeated = true
    const { deps } = this.#context
    const endpoints = deps.table.get(this.#key)?.endpoints ?? []
    const same = endpoints.find(e => e.containerId === attempt.endpoint.containerId)
    if (same !== undefined && endpoints.length === 1) {
      deps.metrics.retried(this.#key)
      this.#send(same)
    } else this.#tryElsewhere(attempt, error)
  }
}
