import { expect } from 'chai'
import { createMetrics, type Metrics } from './metrics.ts'

const KEY = 'openfaas-fn/hello'

async function linesOf(metrics: Metrics): Promise<string[]> {
  return (await metrics.expose()).text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
}

/** Value of the series that is written so; undefined when there is none. */
async function seriesValue(metrics: Metrics, series: string): Promise<number | undefined> {
  const line = (await linesOf(metrics)).find(candidate => candidate.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

const aMetrics = () => createMetrics({ nodeMetrics: false, now: () => 10_000 })

describe('createMetrics', () => {
  it('has every name that dashboards, alerts and OpenFaaS clients use', async () => {
    const metrics = aMetrics()
    metrics.controller('function')
    const { text, contentType } = await metrics.expose()
    const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name)
    expect(contentType).to.match(/^text\/plain/)
    expect(names).to.include.members([
      ...['gateway_function_invocation_total', 'gateway_functions_seconds', 'gateway_function_invocation_started'],
      ...['gateway_service_count', 'gateway_service_ready_count', 'gateway_service_target', 'gateway_service_min'],
      ...[
        'gateway_function_invocation_inflight',
        'provider_http_requests_total',
        'provider_http_request_duration_seconds',
        'http_requests_total',
        'http_request_duration_seconds'
      ],
      ...['gateway_restarts_total', 'gateway_http_requests_total', 'gateway_http_errors_total', 'functions_deployed'],
      ...['gateway_request_duration_seconds', 'function_invocations_total', 'function_duration_seconds'],
      ...[
        'function_errors_total',
        'store_db_operations_total',
        'store_db_operation_duration_seconds',
        'function_replicas'
      ],
      ...['faas_reconcile_total', 'faas_reconcile_duration_seconds', 'faas_reconcile_panics_total'],
      ...['faas_reconcile_timeouts_total', 'faas_workqueue_depth', 'faas_workqueue_adds_total'],
      ...[
        'faas_workqueue_retries_total',
        'faas_workqueue_queue_duration_seconds',
        'faas_workqueue_work_duration_seconds'
      ],
      ...[
        'faas_workqueue_unfinished_work_seconds',
        'faas_engine_request_duration_seconds',
        'faas_engine_watch_connected'
      ],
      ...[
        'faas_engine_watch_resyncs_total',
        'faas_engine_watch_gaps_total',
        'faas_activator_waiting',
        'faas_gc_orphans',
        'faas_gc_collected_total',
        'faas_gc_unused_images',
        'faas_gc_leaked_networks',
        'faas_disk_pressure'
      ],
      ...[
        'faas_autoscaler_decisions_total',
        'faas_function_replicas_max',
        'pod_cpu_usage_seconds_total',
        'pod_memory_working_set_bytes'
      ],
      ...[
        'docker_faas_reconcile_lag_seconds',
        'docker_faas_reconcile_lag_max_seconds',
        'docker_faas_convergence_seconds'
      ]
    ])
  })

  it('has closed label sets at zero from the start', async () => {
    const metrics = aMetrics()
    metrics.controller('function')
    for (const series of [
      'faas_reconcile_total{controller="function",result="error"}',
      'faas_reconcile_panics_total{controller="function"}',
      'faas_workqueue_depth{name="function"}',
      'faas_workqueue_adds_total{name="function"}',
      'faas_engine_watch_resyncs_total{reason="reconnect"}',
      'faas_gc_collected_total{kind="network"}',
      'docker_faas_convergence_seconds_count',
      'docker_faas_reconcile_lag_max_seconds'
    ]) {
      expect(await seriesValue(metrics, series), series).to.equal(0)
    }
  })

  it('names functions by name and namespace, and counts a call everywhere', async () => {
    const metrics = aMetrics()
    const hello = metrics.functionMetrics(KEY)
    hello.started()
    hello.started()
    hello.finished(502, 0.2)
    const label = 'function_name="hello.openfaas-fn"'
    for (const [series, value] of [
      [`gateway_function_invocation_started{${label}}`, 2],
      [`gateway_function_invocation_inflight{${label}}`, 1],
      [`gateway_function_invocation_total{${label},code="502"}`, 1],
      [`gateway_functions_seconds_count{${label},code="502"}`, 1],
      [`function_invocations_total{${label},code="502"}`, 1],
      [`function_duration_seconds_sum{${label}}`, 0.2],
      [`function_errors_total{${label}}`, 1]
    ] as const) {
      expect(await seriesValue(metrics, series), series).to.equal(value)
    }
    expect([hello.inflight, hello.invocations]).to.deep.equal([1, 1])
    expect(metrics.knownFunctionMetrics('openfaas-fn/unknown')).to.equal(undefined)
    expect(metrics.functionMetrics(KEY)).to.equal(hello)
  })

  it('removes every series of a function, for good, though a call of it still runs', async () => {
    const metrics = aMetrics()
    const before = await linesOf(metrics)
    const hello = metrics.functionMetrics(KEY)
    for (const code of [200, 404, 500]) {
      hello.started()
      hello.finished(code, 0.1)
    }
    hello.started()
    metrics.setReplicas(KEY, { wanted: 2, replicas: 3, ready: 1, frozen: 1, target: 50, min: 1 })
    metrics.lag.wanted(KEY, 1, 5000)
    expect((await linesOf(metrics)).filter(line => line.includes('hello'))).to.have.length.above(20)
    metrics.removeFunction('openfaas-fn', 'hello')
    hello.finished(200, 0.1)
    expect(await linesOf(metrics)).to.deep.equal(before)
    expect(metrics.functionMetrics(KEY).invocations).to.equal(0)
  })

  it('tells ready replicas by both names, and the autoscaler only where there is one', async () => {
    const metrics = aMetrics()
    metrics.setReplicas(KEY, { wanted: 3, replicas: 2, ready: 1, frozen: 1, target: 50, min: 1 })
    const label = '{function_name="hello.openfaas-fn"}'
    expect(await seriesValue(metrics, `gateway_service_count${label}`)).to.equal(1)
    expect(await seriesValue(metrics, `gateway_service_ready_count${label}`)).to.equal(1)
    expect(await seriesValue(metrics, `function_replicas${label}`)).to.equal(2)
    expect(await seriesValue(metrics, `gateway_service_target${label}`)).to.equal(50)
    metrics.setReplicas(KEY, { wanted: 3, replicas: 2, ready: 1, frozen: 0 })
    expect(await seriesValue(metrics, `gateway_service_target${label}`)).to.equal(undefined)
  })

  it('counts a gap of the event stream once, however often it fails to connect again', async () => {
    const metrics = aMetrics()
    for (const isConnected of [false, true, false, false, true, false]) metrics.setWatchConnected(isConnected)
    expect(await seriesValue(metrics, 'faas_engine_watch_gaps_total')).to.equal(2)
    expect(await seriesValue(metrics, 'faas_engine_watch_connected')).to.equal(0)
  })

  it('asks for the lag when it is scraped', async () => {
    const metrics = aMetrics()
    metrics.lag.wanted(KEY, 1, 7000)
    expect(
      await seriesValue(metrics, 'docker_faas_reconcile_lag_seconds{namespace="openfaas-fn",function="hello"}')
    ).to.equal(3)
    expect(await seriesValue(metrics, 'docker_faas_reconcile_lag_max_seconds')).to.equal(3)
    metrics.lag.met(KEY, 1, 9000)
    expect(await seriesValue(metrics, 'docker_faas_reconcile_lag_max_seconds')).to.equal(0)
    expect(await seriesValue(metrics, 'docker_faas_convergence_seconds_sum')).to.equal(2)
  })

  it('counts requests by route, and takes no method for a label that nobody knows', async () => {
    const metrics = aMetrics()
    metrics.observeRequest({ method: 'GET', path: '/system/functions', code: 200, seconds: 0.01 })
    metrics.observeRequest({ method: 'BREW', path: 'unmatched', code: 404, seconds: 0.01 })
    expect(
      await seriesValue(metrics, 'gateway_http_requests_total{method="GET",path="/system/functions",code="200"}')
    ).to.equal(1)
    expect(
      await seriesValue(metrics, 'provider_http_requests_total{method="OTHER",path="unmatched",code="404"}')
    ).to.equal(1)
    const list = '{method="GET",path="/system/functions",code="200"}'
    for (const name of ['provider_http_requests_total', 'http_requests_total']) {
      expect(await seriesValue(metrics, name + list), name).to.equal(1)
    }
    for (const name of ['provider_http_request_duration_seconds', 'http_request_duration_seconds']) {
      expect(await seriesValue(metrics, `${name}_count${list}`), name).to.equal(1)
    }
    expect(await seriesValue(metrics, 'gateway_http_errors_total')).to.equal(1)
    expect(await seriesValue(metrics, 'gateway_request_duration_seconds_count')).to.equal(2)
  })

  it('shares nothing between two of them, and has what Node tells of itself', async () => {
    const metrics = createMetrics()
    aMetrics().gatewayStarted()
    expect(await seriesValue(metrics, 'gateway_restarts_total')).to.equal(0)
    expect((await metrics.expose()).text).to.contain('nodejs_eventloop_lag_seconds')
  })
})
