import { randomUUID } from 'node:crypto'
import { networkInterfaces } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { RETRY_DEFAULTS } from '../../api/call-settings.ts'
import type { Enqueue } from '../../api/invocation.ts'
import { parseKey } from '../../api/meta.ts'
import { deliverCallback } from '../async/callback.ts'
import { callbackHead } from '../async/callback-message.ts'
import { type CallbackPolicy, parseAllowed } from '../async/callback-policy.ts'
import { InvocationDesk } from '../async/desk.ts'
import { Dispatcher } from '../async/dispatcher.ts'
import { FunctionEvents } from '../async/function-events.ts'
import { Lanes } from '../async/lanes.ts'
import { LocalGateway } from '../async/local-gateway.ts'
import { parseRetryAfter } from '../async/outcome.ts'
import { AsyncQueue } from '../async/queue.ts'
import { InvocationRetention } from '../async/retention.ts'
import { systemClock } from '../clock.ts'
import type { Config } from '../config/config.ts'
import type { InvocationProxy } from '../gateway/proxy.ts'
import type { Logger } from '../logging/logger.ts'
import type { QueueState } from '../metrics/async.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { Component } from '../runtime/manager.ts'
import type { ClaimedInvocation } from '../store/invocation-store.ts'
import type { Store } from '../store/open.ts'
import { assembleDataPlane, type DataPlaneDeps } from './data-plane.ts'

export interface AsyncDeps {
  readonly config: Config
  readonly store: Store
  readonly dataPlane: DataPlaneDeps
  readonly metrics: Metrics
  readonly log: Logger
}

/** Beyond the time that calls have: for writing down what became of them. */
const STOP_MARGIN_MS = 5000

/** Asynchronous calls: takes them in, carries them out through a data plane of its own, and tells of them. */
export class AsyncComponent implements Component {
  readonly name = 'async'
  readonly stopDeadlineMs: number
  readonly enqueue: Enqueue
  readonly desk: InvocationDesk
  readonly policy: CallbackPolicy
  readonly #deps: AsyncDeps
  readonly #lanes = new Lanes()
  readonly #proxy: InvocationProxy
  readonly #dispatcher: Dispatcher
  readonly #events: FunctionEvents
  readonly #retention: InvocationRetention
  #closing: Promise<void> | undefined
  #stopListening: () => void = () => undefined

  constructor(deps: AsyncDeps) {
    const { config, store, metrics, log } = deps
    this.#deps = deps
    this.stopDeadlineMs = config.SHUTDOWN_GRACE + STOP_MARGIN_MS
    this.policy = { ...parseAllowed(config.CALLBACK_ALLOWED), own: () => ownNetworks(config) }
    const { dataPlane } = deps
    // How many calls wait is told by the data plane of those who are waited for.
    this.#proxy = assembleDataPlane({ ...dataPlane, metrics: { ...dataPlane.metrics, waiting: () => undefined } })
    const uidOf = (key: string) => dataPlane.table.get(key)?.uid
    this.#events = new FunctionEvents({ events: store.events, uidOf, clock: systemClock, log })
    this.#dispatcher = this.#assembleDispatcher()
    const { asyncCalls } = metrics
    this.enqueue = new AsyncQueue({
      store: store.invocations,
      lanes: this.#lanes,
      limits: { maxPerFunction: config.ASYNC_QUEUE_MAX, maxBytes: config.ASYNC_QUEUE_BYTES },
      exists: (namespace, name) => this.#exists(`${namespace}/${name}`),
      clock: systemClock,
      newId: randomUUID,
      onAccepted: ({ key }) => {
        asyncCalls.submitted(key)
        this.#dispatcher.wake()
      },
      onFull: key => {
        asyncCalls.refused(key)
        this.#events.warn(key, 'AsyncQueueFull', 'asynchronous calls are answered 429: too many wait')
      }
    }).enqueue
    this.#retention = new InvocationRetention({
      store: store.invocations,
      endedMs: config.ASYNC_RETENTION,
      deadMs: config.ASYNC_DEAD_RETENTION,
      max: config.ASYNC_KEPT_MAX,
      maxDeadBytes: config.ASYNC_QUEUE_BYTES,
      onDropped: (key, count) => {
        log.warn({ key, count }, 'Removed dead letters as there was no room for them')
        this.#events.warn(
          key,
          'DeadLettersDropped',
          'dead letters were removed, the oldest first: ASYNC_QUEUE_BYTES is full of them'
        )
      },
      clock: systemClock,
      log
    })
    const onMoved: Dispatcher['moved'] = moved => this.#dispatcher.moved(moved)
    this.desk = new InvocationDesk({ store: store.invocations, clock: systemClock, onMoved })
    asyncCalls.watch(() => this.#queueStates())
  }

  async start(): Promise<void> {
    const { store, dataPlane } = this.#deps
    await this.#dispatcher.start()
    await this.#retention.start()
    const stopTable = dataPlane.table.onChange(key => {
      if (this.#lanes.find(key) !== undefined) this.#dispatcher.wake()
    })
    const stopStore = store.functions.onChange(({ type, object: { metadata } }) => {
      if (type === 'DELETED') void this.#dispatcher.buryGone(`${metadata.namespace}/${metadata.name}`)
    })
    this.#stopListening = () => {
      stopTable()
      stopStore()
    }
    void this.#dispatcher.buryGone()
  }

  /** Takes no more calls from the queue; those under way have `SHUTDOWN_GRACE` to end. Returns at once. */
  pause(): void {
    this.#dispatcher.pause()
    this.#closing ??= this.#proxy.close(this.#deps.config.SHUTDOWN_GRACE)
  }

  /** Waits for calls under way, and gives back what was not carried out. */
  async stop(): Promise<void> {
    this.pause()
    this.#stopListening()
    await this.#closing
    const isQuiet = async () => {
      while (this.#dispatcher.running > 0) await sleep(QUIET_CHECK_MS)
    }
    await Promise.race([isQuiet(), sleep(LAST_CALLBACKS_MS, undefined, { ref: false })])
    await this.#dispatcher.stop()
    await this.#retention.stop()
  }

  #assembleDispatcher(): Dispatcher {
    const { config, store, dataPlane, metrics, log } = this.#deps
    const { asyncCalls } = metrics
    const local = new LocalGateway({
      handle: this.#proxy.handle,
      maxAnswerBytes: config.ASYNC_BODY_MAX || Number.POSITIVE_INFINITY,
      isEncrypted: config.TLS_CERT_FILE !== ''
    })
    const settingsOf = (key: string) => {
      const route = dataPlane.table.get(key)
      return route && (route.settings ?? {})
    }
    return new Dispatcher({
      store: store.invocations,
      lanes: this.#lanes,
      owner: randomUUID(),
      call: (call, signal) => carryOut(local, call, signal),
      deliver: async (call, signal) => {
        const url = await store.invocations.callbackUrl(call)
        const { attempts } = settingsOf(`${call.namespace}/${call.name}`)?.retry ?? RETRY_DEFAULTS
        const message = { url, head: callbackHead(call, attempts), body: call.payload.body, signal }
        return await deliverCallback(message, { policy: this.policy, timeoutMs: config.CALLBACK_TIMEOUT })
      },
      settingsOf,
      isWritten: async key => (await store.functions.get(key)) !== undefined,
      limits: {
        concurrency: config.ASYNC_CONCURRENCY,
        perFunction: config.ASYNC_FUNCTION_CONCURRENCY,
        maxBytes: config.ASYNC_QUEUE_BYTES,
        callbackAttempts: config.CALLBACK_ATTEMPTS
      },
      clock: systemClock,
      random: Math.random,
      metrics: {
        inflight: asyncCalls.inflight,
        callback: asyncCalls.callback,
        processed: asyncCalls.processed
      },
      onDead: (key, reason) => {
        const look = `GET /v1/invocations?function=${parseKey(key).name}&phase=dead lists those`
        this.#events.warn(key, 'CallDeadLettered', `asynchronous calls became dead letters: ${reason}; ${look}`)
      },
      onEnded: bytes => this.#retention.note(bytes),
      log
    })
  }

  /** One that was just written down may not have come to the table yet. */
  #exists(key: string): boolean | Promise<boolean> {
    const { store, dataPlane } = this.#deps
    if (dataPlane.table.get(key) !== undefined) return true
    return store.functions
      .get(key)
      .then(object => object !== undefined && object.metadata.deletionRequestedAt === undefined)
  }

  /** Calls of a function that wait, or are being carried out. */
  readonly queuedOf = (key: string): number => {
    const lane = this.#lanes.find(key)
    return lane === undefined ? 0 : lane.waiting.queued + lane.busy.queued
  }

  async #queueStates(): Promise<QueueState[]> {
    const { invocations } = this.#deps.store
    const now = systemClock.now()
    return await Promise.all(
      [...this.#lanes.all()].map(async ({ key, waiting }) => {
        const { namespace, name } = parseKey(key)
        const oldest = waiting.queued > 0 ? await invocations.oldest(namespace, name) : undefined
        const oldestSeconds = oldest === undefined ? 0 : Math.max(0, now - oldest) / 1000
        return { key, waiting: waiting.queued, reporting: waiting.reporting, oldestSeconds }
      })
    )
  }
}

const QUIET_CHECK_MS = 10
/** What is under way when no call is any more: callbacks, and writing down. */
const LAST_CALLBACKS_MS = 2000

async function carryOut(local: LocalGateway, call: ClaimedInvocation, signal: AbortSignal) {
  const { namespace, name, path, method, payload, callId, remoteAddress, acceptedAt } = call
  const { retryAfter, ...answered } = await local.call({
    ...{ method, payload, callId, remoteAddress, signal },
    target: { namespace, name, path, acceptedAt, isRetriedByCaller: true },
    wantsAnswer: call.callbackUrl !== undefined
  })
  const retryAfterMs = parseRetryAfter(retryAfter, systemClock.now())
  return { ...answered, ...(retryAfterMs !== undefined && { retryAfterMs }) }
}

/** Networks that callbacks may not go to, though their addresses may look like those of the Internet. */
function ownNetworks({ FUNCTIONS_SUBNET_POOL: pool }: Config): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap(list => list ?? [])
  return [pool, ...addresses.map(({ address, family }) => `${address}/${family === 'IPv4' ? 32 : 128}`)]
}
