import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

export const RECONCILE_RESULTS = ['success', 'requeue', 'error', 'timeout'] as const
export type ReconcileResult = (typeof RECONCILE_RESULTS)[number]

/** What a work queue tells of itself. */
export interface WorkqueueMetrics {
  readonly added: () => void
  /** A key comes back later because its pass failed. */
  readonly retried: () => void
  /** A key got a worker, this long after it became due. */
  readonly waited: (seconds: number) => void
  readonly worked: (seconds: number) => void
  /** Asked at each scrape. */
  readonly watch: (state: () => { readonly depth: number; readonly unfinishedSeconds: number }) => void
}

/** What a controller tells of itself. */
export interface ControllerMetrics {
  readonly reconciled: (result: ReconcileResult, seconds: number) => void
  /** A pass threw what nobody throws on purpose. */
  readonly panicked: () => void
  /** A pass reached its deadline. */
  readonly timedOut: () => void
  readonly queue: WorkqueueMetrics
}

const PASS_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120]

/** The metrics of controllers and their queues; one family of each for all of them. */
export class LoopMetrics {
  readonly #queues: (name: string) => WorkqueueMetrics
  readonly #results: Counter
  readonly #seconds: Histogram
  readonly #panics: Counter
  readonly #timeouts: Counter

  constructor(registry: Registry) {
    const registers = [registry]
    const labelNames = ['controller']
    this.#queues = createQueueFamilies(registry)
    this.#results = new Counter({
      ...{ name: 'faas_reconcile_total', help: 'Passes that ended, by what came out' },
      ...{ labelNames: ['controller', 'result'], registers }
    })
    this.#seconds = new Histogram({
      ...{ name: 'faas_reconcile_duration_seconds', help: 'Duration of passes' },
      ...{ labelNames, buckets: PASS_BUCKETS, registers }
    })
    this.#panics = new Counter({
      ...{ name: 'faas_reconcile_panics_total', help: 'Passes that threw what nobody throws on purpose' },
      ...{ labelNames, registers }
    })
    this.#timeouts = new Counter({
      ...{
        name: 'faas_reconcile_timeouts_total',
        help: 'Passes that reached their deadline'
      },
      ...{ labelNames, registers }
    })
  }

  /** The metrics of one controller, all of them zero. Ask once per controller. */
  controller(name: string): ControllerMetrics {
    for (const result of RECONCILE_RESULTS) this.#results.inc({ controller: name, result }, 0)
    this.#panics.inc({ controller: name }, 0)
    this.#timeouts.inc({ controller: name }, 0)
    this.#seconds.zero({ controller: name })
    return {
      reconciled: (result, seconds) => {
        this.#results.inc({ controller: name, result })
        this.#seconds.observe({ controller: name }, seconds)
      },
      panicked: () => this.#panics.inc({ controller: name }),
      timedOut: () => this.#timeouts.inc({ controller: name }),
      queue: this.#queues(name)
    }
  }
}

function createQueueFamilies(registry: Registry): (name: string) => WorkqueueMetrics {
  const registers = [registry]
  const labelNames = ['name']
  const states = new Map<string, Parameters<WorkqueueMetrics['watch']>[0]>()
  const counter = (name: string, help: string) => new Counter({ name, help, labelNames, registers })
  const histogram = (name: string, help: string) =>
    new Histogram({ name, help, labelNames, buckets: PASS_BUCKETS, registers })
  const gauge = (name: string, help: string, read: (state: { depth: number; unfinishedSeconds: number }) => number) =>
    new Gauge({
      ...{ name, help, labelNames, registers },
      collect() {
        for (const [queue, state] of states) this.set({ name: queue }, read(state()))
      }
    })
  const adds = counter('faas_workqueue_adds_total', 'Keys that were added')
  const retries = counter('faas_workqueue_retries_total', 'Keys that come back after a failure')
  const waits = histogram('faas_workqueue_queue_duration_seconds', 'Time that due keys wait for a worker')
  const works = histogram('faas_workqueue_work_duration_seconds', 'Time that keys hold a worker')
  gauge('faas_workqueue_depth', 'Keys that are due and wait', state => state.depth)
  gauge(
    'faas_workqueue_unfinished_work_seconds',
    'Time that running keys have been running, together',
    s => s.unfinishedSeconds
  )
  return name => {
    for (const family of [adds, retries]) family.inc({ name }, 0)
    for (const family of [waits, works]) family.zero({ name })
    states.set(name, () => ({ depth: 0, unfinishedSeconds: 0 }))
    return {
      added: () => adds.inc({ name }),
      retried: () => retries.inc({ name }),
      waited: seconds => waits.observe({ name }, seconds),
      worked: seconds => works.observe({ name }, seconds),
      watch: state => states.set(name, state)
    }
  }
}
