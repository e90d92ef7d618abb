import type { Enqueue } from '../../api/invocation.ts'
import { keyOf } from '../../api/meta.ts'
import { isScheduled } from '../../api/schedule.ts'
import { ScheduleReconciler } from '../../controllers/schedule/reconciler.ts'
import { type Clock, systemClock } from '../clock.ts'
import type { Config } from '../config/config.ts'
import type { Logger } from '../logging/logger.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { Controller } from '../runtime/controller.ts'
import type { Component } from '../runtime/manager.ts'
import type { Store } from '../store/open.ts'

export interface ScheduleComponentDeps {
  readonly config: Config
  readonly store: Store
  readonly enqueue: Enqueue
  readonly metrics: Metrics
  readonly log: Logger
  /** That of the host when left out. */
  readonly clock?: Clock
}

/** Functions that share a tick and are handed over side by side. */
const CONCURRENCY = 32

/** Calls functions by the clock: looks at each that has a schedule at the start, when it is written, and again and again. */
export class ScheduleComponent implements Component {
  readonly name = 'schedules'
  readonly #deps: ScheduleComponentDeps
  readonly #controller: Controller
  /** Keys that have, or had, a schedule. */
  readonly #known = new Set<string>()
  #stopListening: () => void = () => undefined

  constructor(deps: ScheduleComponentDeps) {
    const { config, store, enqueue, metrics, log, clock = systemClock } = deps
    this.#deps = deps
    const reconciler = new ScheduleReconciler({
      ...store,
      calls: { enqueue, isActive: id => isActive(store, id) },
      spreadMs: config.SCHEDULE_SPREAD,
      observer: {
        ...metrics.schedules,
        forgotten: key => {
          this.#known.delete(key)
          metrics.schedules.forgotten(key)
        }
      },
      now: clock.now,
      log
    })
    this.#controller = new Controller({
      ...{ reconciler, concurrency: CONCURRENCY, deadlineMs: config.RECONCILE_DEADLINE, log },
      ...{ metrics: metrics.controller(reconciler.name), clock, random: Math.random }
    })
  }

  async start(): Promise<void> {
    const { functions } = this.#deps.store
    this.#stopListening = functions.onChange(({ object: { metadata } }) => this.#note(metadata))
    for (const { metadata } of await functions.list()) this.#note(metadata)
    this.#controller.start()
  }

  async stop(): Promise<void> {
    this.#stopListening()
    await this.#controller.stop()
  }

  #note(metadata: {
    readonly namespace: string
    readonly name: string
    readonly annotations: Readonly<Record<string, string>>
  }): void {
    const key = keyOf(metadata)
    if (isScheduled(metadata.annotations)) this.#known.add(key)
    else if (!this.#known.has(key)) return
    this.#controller.add(key)
  }
}

async function isActive({ invocations }: Store, id: string): Promise<boolean> {
  const phase = (await invocations.get(id))?.phase
  return phase === 'queued' || phase === 'running'
}
