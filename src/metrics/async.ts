import { Counter, Gauge, type Registry } from 'prom-client'
import { functionNameLabel } from './function.ts'

/** What waits of one function. */
export interface QueueState {
  readonly key: string
  readonly waiting: number
  readonly reporting: number
  /** Since the longest waiting was accepted; 0: none waits. */
  readonly oldestSeconds: number
}

/** Metrics of asynchronous calls, with the names of OpenFaaS's queue-worker where it has them. */
export interface AsyncCallMetrics {
  readonly submitted: (key: string) => void
  /** A call was not accepted, as too much waits. */
  readonly refused: (key: string) => void
  readonly processed: (key: string, result: string) => void
  readonly inflight: (key: string, change: 1 | -1) => void
  readonly callback: (result: string) => void
  /** Asks for what waits whenever it is read. */
  readonly watch: (read: () => Promise<readonly QueueState[]>) => void
  readonly remove: (key: string) => void
}

const NAME = ['function_name']
const CALLBACK_RESULTS = ['delivered', 'retried', 'failed']

export function createAsyncCallMetrics(registry: Registry): AsyncCallMetrics {
  const registers = [registry]
  const counter = (name: string, help: string, labelNames: string[]) =>
    new Counter({ name, help, labelNames, registers })
  const gauge = (name: string, help: string, labelNames = NAME) => new Gauge({ name, help, labelNames, registers })
  const submitted = counter('queue_worker_messages_submitted_total', 'Asynchronous calls that were accepted', NAME)
  const processed = counter(
    'queue_worker_messages_processed_total',
    'Attempts of asynchronous calls, by what came of them',
    [...NAME, 'result']
  )
  const inflight = gauge('queue_worker_function_invocation_inflight', 'Asynchronous calls that are being carried out')
  const refused = counter(
    'faas_async_refused_total',
    'Asynchronous calls that were not accepted, as too many wait',
    NAME
  )
  const callbacks = counter('faas_async_callbacks_total', 'Attempts of callbacks, by what came of them', ['result'])
  for (const result of CALLBACK_RESULTS) callbacks.inc({ result }, 0)
  const states = watchQueues(registry, gauge)
  const results = new Map<string, Set<string>>()
  return {
    submitted: key => submitted.inc({ function_name: functionNameLabel(key) }),
    refused: key => refused.inc({ function_name: functionNameLabel(key) }),
    processed: (key, result) => {
      const known = results.get(key) ?? new Set()
      results.set(key, known.add(result))
      processed.inc({ function_name: functionNameLabel(key), result })
    },
    inflight: (key, change) => inflight.inc({ function_name: functionNameLabel(key) }, change),
    callback: result => callbacks.inc({ result }),
    watch: states,
    remove: key => {
      const name = { function_name: functionNameLabel(key) }
      for (const family of [submitted, inflight, refused]) family.remove(name)
      for (const result of results.get(key) ?? []) processed.remove({ ...name, result })
      results.delete(key)
    }
  }
}

/** Gauges that are filled when they are read. */
function watchQueues(registry: Registry, gauge: (name: string, help: string) => Gauge): AsyncCallMetrics['watch'] {
  let read: () => Promise<readonly QueueState[]> = () => Promise.resolve([])
  const reporting = gauge('faas_async_callbacks_pending', 'Callbacks that wait to be delivered')
  const oldest = gauge('faas_async_oldest_seconds', 'Time since the longest waiting asynchronous call was accepted')
  new Gauge({
    ...{ name: 'queue_worker_pending_messages', help: 'Asynchronous calls that wait', labelNames: NAME },
    registers: [registry],
    async collect() {
      const states = await read()
      for (const family of [this, reporting, oldest]) family.reset()
      for (const state of states) {
        const name = { function_name: functionNameLabel(state.key) }
        this.set(name, state.waiting)
        reporting.set(name, state.reporting)
        oldest.set(name, state.oldestSeconds)
      }
    }
  })
  return next => {
    read = next
  }
}
