import { keyOf } from '../../api/meta.ts'
import { CpuReader } from '../../controllers/autoscaler/cpu.ts'
import { LoadSampler } from '../../controllers/autoscaler/observe.ts'
import { type AutoscalerDeps, AutoscalerReconciler } from '../../controllers/autoscaler/reconciler.ts'
import { type Known, Subjects } from '../../controllers/autoscaler/subjects.ts'
import { type Clock, systemClock } from '../clock.ts'
import type { Config } from '../config/config.ts'
import type { Engine } from '../engine/engine.ts'
import type { EndpointTable } from '../gateway/endpoints.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { Controller } from '../runtime/controller.ts'
import type { Component } from '../runtime/manager.ts'
import type { Reconciler } from '../runtime/reconciler.ts'
import { systemTimers, type Timers } from '../runtime/timers.ts'
import type { Store } from '../store/open.ts'
import { boundsPolicyOf } from './autoscaler.ts'
import type { ControlPlane } from './control-plane.ts'

export interface AutoscalerParts extends Pick<AutoscalerDeps, 'capacityOf' | 'isHeld' | 'isReady' | 'enqueue' | 'log'> {
  readonly config: Config
  readonly engine: Pick<Engine, 'usage'>
  /** Asynchronous calls of a function that wait, or are being carried out. */
  readonly queuedOf: (key: string) => number
  /** Ids of the containers of a function that answer. */
  readonly containersOf: (key: string) => readonly string[]
  readonly store: Pick<Store, 'functions' | 'events'>
  readonly metrics: Metrics
  readonly clock?: Clock
  readonly timers?: Timers
}

/** The autoscaler over what the control plane knows. */
export function assembleAutoscaler(
  plane: Pick<ControlPlane, 'functions' | 'resync' | 'capacities' | 'isHeld'>,
  parts: Pick<AutoscalerParts, 'config' | 'engine' | 'queuedOf' | 'store' | 'metrics' | 'log'> & {
    readonly endpoints: Pick<EndpointTable, 'get'>
  }
): AutoscalerComponent {
  return new AutoscalerComponent({
    ...parts,
    containersOf: key => parts.endpoints.get(key)?.endpoints.map(({ containerId }) => containerId) ?? [],
    capacityOf: key => plane.capacities.get(key),
    isHeld: plane.isHeld,
    isReady: () => plane.resync.isComplete,
    enqueue: key => plane.functions.add(key)
  })
}

/** Ticks in the short window, and the longest time between two. */
const TICKS_PER_BURST = 6
const MAX_TICK_MS = 1000
/** Decisions read memory only; what is written goes one after the other anyway. */
const CONCURRENCY = 4

/** Looks at the calls of functions in each tick, and lets the autoscaler decide about those that are called, changed, or due. */
export class AutoscalerComponent implements Component {
  readonly name = 'autoscaler'
  readonly controller: Controller
  readonly #parts: AutoscalerParts
  readonly #clock: Clock
  readonly #timers: Timers
  readonly #subjects: Subjects
  readonly #sampler: LoadSampler
  readonly #cpu: CpuReader
  readonly #stopped = new AbortController()
  readonly #tickMs: number
  /** Keys whose last pass failed, or has not ended. */
  readonly #failing = new Set<string>()
  #hasBegun = false
  #timer: unknown
  #stopListening: (() => void) | undefined

  constructor(parts: AutoscalerParts) {
    this.#parts = parts
    const { config, metrics, clock = systemClock, timers = systemTimers } = parts
    this.#clock = clock
    this.#timers = timers
    this.#tickMs = Math.min(MAX_TICK_MS, config.AUTOSCALER_BURST_WINDOW / TICKS_PER_BURST)
    this.#subjects = new Subjects(clock)
    this.#sampler = new LoadSampler({
      meters: { entries: metrics.allFunctionMetrics, find: metrics.knownFunctionMetrics },
      cpuOf: key => this.#cpu.rateOf(key),
      queuedOf: parts.queuedOf,
      stableMs: config.AUTOSCALER_STABLE_WINDOW,
      burstMs: config.AUTOSCALER_BURST_WINDOW,
      now: clock.monotonic
    })
    this.#cpu = new CpuReader({
      ...{ engine: parts.engine, containersOf: parts.containersOf, now: clock.monotonic },
      onFailure: err => parts.log.warn({ err }, 'Failed to read CPU of functions')
    })
    this.controller = this.#assembleController()
  }

  async start(): Promise<void> {
    const { functions } = this.#parts.store
    this.#stopListening = functions.onChange(change => {
      const key = keyOf(change.object.metadata)
      if (this.#subjects.note(change)) this.controller.add(key)
    })
    this.#subjects.load(await functions.list())
    this.controller.start()
    this.#timer = this.#timers.set(() => this.#tick(), this.#tickMs)
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    this.#timers.clear(this.#timer)
    this.#stopListening?.()
    await this.controller.stop()
  }

  #tick(): void {
    this.#timer = this.#timers.set(() => this.#tick(), this.#tickMs)
    this.#begin()
    const moving = this.#sampler.tick().filter(key => this.#isDecided(key))
    for (const key of moving) this.controller.add(key)
    const byCpu = moving.filter(key => isByCpu(this.#subjects.get(key)))
    if (byCpu.length > 0) void this.#cpu.read(byCpu, this.#stopped.signal)
  }

  /** Lets every function be decided about, once that may be. */
  #begin(): void {
    if (this.#hasBegun || !this.#parts.isReady()) return
    this.#hasBegun = true
    for (const key of this.#subjects.keys()) this.controller.add(key)
  }

  /** Whether calls of the function make a difference now; one whose pass failed comes again by itself. */
  #isDecided(key: string): boolean {
    const subject = this.#subjects.get(key)
    return subject !== undefined && !subject.isPinned && subject.replicas > 0 && !this.#failing.has(key)
  }

  /** The reconciler, with a note of the keys that wait for another try. */
  #attend(reconciler: Reconciler): Reconciler {
    return {
      name: reconciler.name,
      reconcile: async (key, signal) => {
        this.#failing.add(key)
        const result = await reconciler.reconcile(key, signal)
        this.#failing.delete(key)
        return result
      }
    }
  }

  #assembleController(): Controller {
    const { config, store, metrics, log } = this.#parts
    const reconciler = new AutoscalerReconciler({
      ...{ ...this.#parts, ...store, clock: this.#clock, subjects: this.#subjects, sampler: this.#sampler },
      policy: boundsPolicyOf(config),
      downMs: config.AUTOSCALER_STABLE_WINDOW,
      stepMax: config.AUTOSCALER_STEP_MAX,
      onDecision: decision =>
        metrics.scaleDecided(decision.kind === 'hold' ? 'hold' : decision.direction, decision.reason)
    })
    return new Controller({
      ...{ reconciler: this.#attend(reconciler), concurrency: CONCURRENCY, deadlineMs: config.RECONCILE_DEADLINE, log },
      ...{ metrics: metrics.controller(reconciler.name), clock: this.#clock, timers: this.#timers },
      random: Math.random
    })
  }
}

function isByCpu(subject: Known | undefined): boolean {
  return subject?.scaling.type === 'cpu' && subject.scaling.target !== undefined
}
