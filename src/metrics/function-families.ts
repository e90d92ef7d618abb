import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { SECONDS_BUCKETS } from './buckets.ts'

/** The families that every function has series in. */
export interface FunctionFamilies {
  readonly started: Counter
  readonly total: Counter
  readonly seconds: Histogram
  readonly retries: Counter
  readonly shed: Counter
  readonly timeouts: Counter
  readonly held: Counter
  readonly woken: Counter
  readonly thawed: Counter
  readonly unhealthy: Counter
  readonly inflight: Gauge
  readonly legacyTotal: Counter
  readonly legacySeconds: Histogram
  readonly legacyErrors: Counter
  readonly serviceCount: Gauge
  readonly serviceReady: Gauge
  readonly serviceTarget: Gauge
  readonly serviceMin: Gauge
  readonly replicasMax: Gauge
  readonly replicasWanted: Gauge
  readonly frozen: Gauge
  readonly legacyReplicas: Gauge
}

const NAME = ['function_name']
const NAME_AND_CODE = ['function_name', 'code']

export function createFunctionFamilies(registry: Registry): FunctionFamilies {
  const registers = [registry]
  const counter = (name: string, help: string, labelNames: string[]) =>
    new Counter({ name, help, labelNames, registers })
  const gauge = (name: string, help: string) => new Gauge({ name, help, labelNames: NAME, registers })
  const histogram = (name: string, help: string, labelNames: string[]) =>
    new Histogram({ name, help, labelNames, buckets: SECONDS_BUCKETS, registers })
  return {
    started: counter('gateway_function_invocation_started', 'Calls of functions that were taken', NAME),
    total: counter('gateway_function_invocation_total', 'Calls of functions that have finished', NAME_AND_CODE),
    seconds: histogram('gateway_functions_seconds', 'Duration of calls of functions', NAME_AND_CODE),
    shed: counter('gateway_function_invocation_shed_total', 'Calls that were refused at once, by why', [
      ...NAME,
      'reason'
    ]),
    timeouts: counter('gateway_function_invocation_timeouts_total', 'Times of calls that were over, by which', [
      ...NAME,
      'kind'
    ]),
    retries: counter('gateway_function_invocation_retries_total', 'Calls that went out again', NAME),
    held: counter('faas_function_held_calls_total', 'Calls that had to wait for a replica', NAME),
    woken: counter('faas_function_wakes_total', 'Times that a call brought the function back from zero', NAME),
    thawed: counter('faas_function_thaws_total', 'Times that a call brought the function back from frozen', NAME),
    unhealthy: counter('faas_function_liveness_failures_total', 'Replicas that failed their liveness probe', NAME),
    inflight: gauge('gateway_function_invocation_inflight', 'Calls of functions that are running'),
    legacyTotal: counter('function_invocations_total', 'Calls of functions that have finished', NAME_AND_CODE),
    legacySeconds: histogram('function_duration_seconds', 'Duration of calls of functions', NAME),
    legacyErrors: counter('function_errors_total', 'Calls of functions that were answered 500 or above', NAME),
    serviceCount: gauge('gateway_service_count', 'Ready replicas, by the name of OpenFaaS CE'),
    serviceReady: gauge('gateway_service_ready_count', 'Ready replicas'),
    serviceTarget: gauge('gateway_service_target', 'Load per replica that the autoscaler aims at'),
    serviceMin: gauge('gateway_service_min', 'Least number of replicas that the autoscaler leaves'),
    frozen: gauge('faas_function_replicas_frozen', 'Frozen replicas'),
    replicasMax: gauge('faas_function_replicas_max', 'Most replicas that the autoscaler gives'),
    replicasWanted: gauge('faas_function_replicas_wanted', 'Replicas that are wanted'),
    legacyReplicas: gauge('function_replicas', 'Containers of the function')
  }
}
