import { expect } from 'chai'
import { createMetrics } from '../metrics/metrics.ts'
import { callMetrics } from './call-metrics.ts'

const KEY = 'openfaas-fn/hello'

describe('callMetrics', () => {
  it('makes no series again for a call that ends after its function is gone', async () => {
    const metrics = createMetrics({ nodeMetrics: false })
    const calls = callMetrics(metrics)
    calls.started(KEY)
    expect((await metrics.expose()).text).to.contain('hello')
    metrics.removeFunction('openfaas-fn', 'hello')
    calls.retried(KEY)
    calls.finished(KEY, 200, 1)
    expect((await metrics.expose()).text).to.not.contain('hello')
  })
})
