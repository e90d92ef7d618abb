import { onEngineEvent } from '../../controllers/function/events.ts'
import type { Config } from '../config/config.ts'
import type { Engine } from '../engine/engine.ts'
import type { EngineFacts } from '../engine/engine-facts.ts'
import { MissedEventsError } from '../engine/event-audit.ts'
import { guardNotes } from '../engine/guards.ts'
import type { EngineHealth } from '../engine/health.ts'
import type { Heartbeat } from '../engine/heartbeat.ts'
import { EngineWatcher } from '../engine/watch.ts'
import type { EndpointTable } from '../gateway/endpoints.ts'
import type { Logger } from '../logging/logger.ts'
import type { Rosters } from '../logs/roster.ts'
import type { ResyncReason } from '../metrics/engine.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { Component } from '../runtime/manager.ts'
import type { ControlPlane } from './control-plane.ts'

export interface LoopDeps {
  readonly config: Config
  readonly engine: Engine
  readonly facts: EngineFacts
  readonly health: EngineHealth
  readonly heartbeat: Pick<Heartbeat, 'doubt'>
  readonly endpoints: EndpointTable
  /** Told when containers of a function may have come or gone. */
  readonly rosters: Pick<Rosters, 'changed' | 'changedAll'>
  readonly metrics: Metrics
  readonly log: Logger
}

/** Statuses are to say within 5 s that the engine is away. */
const DISCONNECT_SPREAD_MS = 2000

/** What keeps the loop going: the queues, the event stream, and the clock. */
export class LoopComponent implements Component {
  readonly name = 'loop'
  readonly #deps: LoopDeps
  readonly #plane: ControlPlane
  readonly #watcher: EngineWatcher
  readonly #stopped = new AbortController()
  #watching: Promise<void> | undefined
  /** Whether the stream was open since it was last told lost: attempts that fail say nothing new. */
  #wasConnected = false
  /** Whether the engine has said, since it was last met, which container we are: functions are not reached without. */
  #knowsSelf = false
  #timer: NodeJS.Timeout | undefined

  constructor(deps: LoopDeps, plane: ControlPlane) {
    this.#deps = deps
    this.#plane = plane
    const { config, engine, endpoints, health, log, metrics } = deps
    this.#watcher = new EngineWatcher({
      engine,
      onConnected: () => {
        metrics.setWatchConnected(true)
        this.#wasConnected = true
        void this.#meetEngine()
      },
      onEvent: event =>
        onEngineEvent(
          {
            instance: config.INSTANCE_ID,
            functionsNetwork: config.FUNCTIONS_NETWORK,
            endpoints,
            add: key => {
              plane.functions.add(key)
              deps.rosters.changed(key)
            }
          },
          event
        ),
      onDisconnected: err => {
        metrics.setWatchConnected(false)
        deps.heartbeat.doubt()
        log.warn({ err }, 'Lost event stream of engine')
        const reason = err instanceof MissedEventsError ? 'gap' : 'disconnect'
        if (this.#wasConnected) void this.#resync(reason, DISCONNECT_SPREAD_MS)
        this.#wasConnected = false
      }
    })
    health.onChange(reachable => {
      // A stream that outlived the engine's absence may be dead, or have lost what happened meanwhile.
      if (reachable) this.#watcher.reconnect()
      else void this.#resync('away')
    })
  }

  /** Whether events come in. */
  get connected(): boolean {
    return this.#watcher.connected
  }

  start(): void {
    const { functions, garbage, imageGarbage, secrets } = this.#plane
    functions.start()
    secrets.start()
    garbage.start()
    imageGarbage.start()
    void this.#resync('start')
    this.#watching = this.#watcher.run(this.#stopped.signal)
    const periodMs = this.#deps.config.RECONCILE_INTERVAL_SECONDS * 1000
    this.#timer = setInterval(() => void this.#onPeriod(periodMs), periodMs)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#stopped.abort()
    const { functions, garbage, imageGarbage, secrets, waker, prober, images } = this.#plane
    waker.stop()
    const queues = [functions, garbage, imageGarbage, secrets]
    await Promise.all([this.#watching, ...queues.map(queue => queue.stop()), images.stop()])
    prober.stop()
  }

  async #onPeriod(periodMs: number): Promise<void> {
    if (!this.#knowsSelf && this.connected) await this.#findSelf()
    await this.#resync('periodic', periodMs / 2)
  }

  /** The engine is there, perhaps again: which container we are, who it is, and how everything stands. */
  async #meetEngine(): Promise<void> {
    const { facts, health } = this.#deps
    this.#knowsSelf = false
    await this.#findSelf()
    await this.#learn(async () => {
      const info = await facts.refresh(this.#stopped.signal)
      health.identified(info)
      for (const note of guardNotes(info)) this.#deps.log.warn({ note }, 'Noted about engine')
    })
    await this.#resync('reconnect')
  }

  async #findSelf(): Promise<void> {
    this.#knowsSelf = await this.#learn(() => this.#plane.self.find())
  }

  /** Whether the engine answered; that it did not keeps nothing else. */
  async #learn(ask: () => Promise<void>): Promise<boolean> {
    try {
      await ask()
      return true
    } catch (err) {
      if (!this.#stopped.signal.aborted) this.#deps.log.warn({ err }, 'Failed to learn about engine')
      return false
    }
  }

  async #resync(reason: ResyncReason, spreadMs = 0): Promise<void> {
    if (this.#stopped.signal.aborted) return
    this.#deps.rosters.changedAll()
    try {
      await this.#plane.resync.run(reason, { spreadMs, signal: this.#stopped.signal })
    } catch (err) {
      this.#deps.log.error({ err, reason }, 'Failed to list functions')
    }
  }
}
