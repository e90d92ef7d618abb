import type { Answer } from './answer.ts'
import { Attempt, type AttemptEvents } from './attempt.ts'
import { pickEndpoint } from './balancer.ts'
import type { CallContext } from './call-context.ts'
import type { CallLimits } from './call-limits.ts'
import type { CallRecord } from './call-record.ts'
import type { Endpoint, Route } from './endpoints.ts'
import { failureOf, isConnectTimeout } from './failure.ts'
import type { Outgoing } from './outgoing.ts'
import type { ProxyTarget, ShedReason } from './proxy-deps.ts'
import { type Refusal, refusalOfTurn, refusals } from './refusal.ts'
import type { Head } from './relay.ts'
import { Retries } from './retries.ts'
import { isAsleep, isWaiting, turnOf } from './turn.ts'
import type { Guest } from './waiting-room.ts'

/** The call that is delivered: what its attempts and the delivery itself tell it. */
export interface Sender extends AttemptEvents {
  /** What holds for it now. */
  readonly limits: CallLimits
  /** Told before each try: what is known of its function may have changed. */
  onRoute: (route: Route) => void
  /** Its time runs, and something was done. */
  onProgress: () => void
  /** It waits for an endpoint, or until it is sent again. */
  onWait: () => void
  /** Bytes of its body came. */
  onBytes: (bytes: number) => void
  refuse: (refusal: Refusal) => void
  /** Refuses, for there is too much of something. */
  shed: (refusal: Refusal, reason: ShedReason) => void
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
  #retries: Retries | undefined
  #isOver = false

  constructor(context: CallContext, key: string, parcel: Parcel, sender: Sender) {
    this.#context = context
    this.#key = key
    this.#parcel = parcel
    this.#sender = sender
  }

  get bytes(): number {
    return this.#parcel.outgoing.heldBytes
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
    if (route !== undefined) {
      this.#parcel.record.count()
      this.#sender.onRoute(route)
    }
    if (turn === 'go') this.#go()
    else if (isWaiting(turn)) this.#wait()
    else this.#sender.refuse(refusalOfTurn(turn, this.#parcel.target, route?.trouble))
  }

  /** Ends the attempt that runs, and the waiting. */
  abort(reason: string): void {
    this.#retries?.cancel()
    this.#context.room.leave(this.#key, this)
    this.#attempt?.abort(new Error(reason))
  }

  /** The call is over: nothing is read or begun any more. */
  end(): void {
    this.#isOver = true
    this.#retries?.cancel()
    this.#parcel.outgoing.destroy()
  }

  onTurn(): void {
    this.#tried = undefined
    this.advance()
  }

  onExpired(): void {
    const { name, namespace } = this.#parcel.target
    const { deps, wakes } = this.#context
    this.#parcel.record.timedOut('wait')
    if (turnOf(this.#key, deps) === 'unknown') this.#sender.refuse(refusals.unknown(name, namespace))
    else if (wakes.isWaking(this.#key)) this.#sender.refuse(refusals.wakeTimeout(this.#key, this.#waitMs))
    else this.#sender.refuse(refusals.notReady(this.#key, this.#waitMs))
  }

  onRemoved(): void {
    this.#sender.refuse(refusals.unknown(this.#parcel.target.name, this.#parcel.target.namespace))
  }

  /** An attempt failed before its answer began: tries another way, or gives up. */
  recover(attempt: Attempt, error: Error): void {
    const failure = failureOf(error, attempt)
    if (failure === 'unreachable') this.#onUnreachable(attempt, error)
    if (failure === 'unreachable' || failure === 'local') this.#tryElsewhere(attempt, error)
    else if (failure === 'invalid')
      this.#sender.refuse(refusals.badRequest(`the request cannot be passed on: ${error.message}`))
    else if (failure === 'broken') this.#giveUp(refusals.broken(this.#key), error)
    else this.#onLost(attempt, error)
  }

  /** The head of an answer came, and its client has got nothing of it: whether the call is tried again in its place. */
  isRetriedAfter(attempt: Attempt, head: Head): boolean {
    this.#context.health.answered(attempt.endpoint.containerId)
    return head.status >= 400 && this.isRetried(head)
  }

  /** Whether the call is tried again in place of an answer with this head or status; ends the attempt that runs if so. */
  isRetried(answer: number | Head): boolean {
    const { limits } = this.#sender
    const { outgoing, record, target } = this.#parcel
    if (limits.retry === undefined || target.isRetriedByCaller === true || !outgoing.isWhole) return false
    this.#retries ??= new Retries(this.#context, () => this.#onRetryDue())
    if (!this.#retries.plan(answer, limits.retry, limits, record.elapsedMs)) return false
    this.#attempt?.abort(new Error('its answer asks for another try'))
    this.#attempt = undefined
    this.#sender.onWait()
    return true
  }

  #onRetryDue(): void {
    if (this.#context.isClosing) {
      this.#sender.refuse(refusals.closing())
      return
    }
    this.#tried = undefined
    this.waitUntil = 0
    this.#context.deps.metrics.retried(this.#key)
    this.advance()
  }

  /** The answer that the client gets, unless annotations of its function ask for another try. */
  #giveUp(refusal: Refusal, err: unknown): void {
    if (!this.isRetried(refusal.status)) this.#sender.refuseLogged(refusal, err)
  }

  #onUnreachable({ endpoint }: Attempt, error: Error): void {
    if (isConnectTimeout(error)) this.#parcel.record.timedOut('connect')
    this.#context.deps.onUnreachable(this.#key, endpoint.containerId)
  }

  /** The function may have done its work. A replica that loses many calls gets no others, if there is one that may take them. */
  #onLost(attempt: Attempt, error: Error): void {
    const { deps, health } = this.#context
    const { containerId } = attempt.endpoint
    const others = deps.table.get(this.#key)?.endpoints.some(e => e.containerId !== containerId)
    if (health.lost(containerId) && others === true) deps.onUnreachable(this.#key, containerId)
    if (!this.#isRepeated && this.#parcel.outgoing.isRepeatable) this.#repeat(attempt, error)
    else this.#giveUp(refusals.lost(this.#key), error)
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
    const { deps } = this.#context
    const endpoints = deps.table.get(this.#key)?.endpoints ?? []
    const tried = this.#tried
    const maxPerEndpoint = this.#sender.limits.perReplica
    const picked = pickEndpoint(endpoints, { inflight: deps.inflight, random: deps.random, tried, maxPerEndpoint })
    if (picked !== undefined) return picked
    if (endpoints.some(e => tried?.has(e.containerId) !== true)) this.#onFull()
    else this.#wait()
    return undefined
  }

  /** All replicas have as many calls as they may. */
  #onFull(): void {
    const { isOwnPerReplica, perReplica } = this.#sender.limits
    const refusal = isOwnPerReplica ? refusals.tooMany(this.#key, perReplica) : refusals.overloaded(this.#key)
    if (this.isRetried(refusal.status)) return
    this.#sender.shed(refusal, 'max_inflight')
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
    if (this.#isRepeated || outgoing.wantsUpgrade) pools.dispatchFresh(this.#key, endpoint, options, attempt)
    else pools.dispatch(this.#key, endpoint, options, attempt)
  }

  #wait(): void {
    this.#sender.onWait()
    const { deps, room, wakes, isClosing } = this.#context
    if (this.waitUntil === 0) {
      this.waitUntil = deps.clock.monotonic() + this.#waitMs
      this.#parcel.record.held()
    }
    const route = deps.table.get(this.#key)
    if (isClosing) this.#sender.refuse(refusals.closing())
    else if (!room.enter(this.#key, this)) this.#sender.shed(refusals.crowded(this.#key), 'waiting_room')
    else if (route !== undefined && isAsleep(route)) wakes.ask(route)
  }

  /** How long it waits for an endpoint, in all. */
  get #waitMs(): number {
    const { table, timeouts } = this.#context.deps
    return table.get(this.#key)?.settings?.wakeTimeoutMs ?? timeouts.waitMs
  }

  /** Nothing was sent: another endpoint, or the next one that appears. */
  #tryElsewhere(attempt: Attempt, error: Error): void {
    this.#tried ??= new Set()
    this.#tried.add(attempt.endpoint.containerId)
    const turn = turnOf(this.#key, this.#context.deps)
    if (turn === 'go' || isWaiting(turn)) {
      this.#context.deps.metrics.retried(this.#key)
      this.advance()
    } else this.#giveUp(refusals.unreachable(this.#key), error)
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
