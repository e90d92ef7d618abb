import { expect } from 'chai'
import fc from 'fast-check'
import { callMetrics } from '../assembly/call-metrics.ts'
import type { ProxyMetrics } from '../gateway/proxy-deps.ts'
import { createMetrics } from '../metrics/metrics.ts'
import { CallLedger, CallSummer } from './call-sums.ts'

const KEY = 'openfaas-fn/echo'

/** What Prometheus reads of calls, without Node's own metrics; sums are rounded, as they are added up in another order. */
async function read(metrics: ReturnType<typeof createMetrics>): Promise<string[]> {
  const { text } = await metrics.expose()
  return text
    .split('\n')
    .filter(line => line.includes('function_name="echo.openfaas-fn"'))
    .map(line => line.replace(/ (\d[\d.]*(?:e-\d+)?)$/, (_, n) => ` ${Number(Number(n).toFixed(6))}`))
    .sort()
}

interface Call {
  readonly worker: number
  readonly code: number
  readonly seconds: number
  readonly tell: boolean
  readonly again: boolean
}

function note(metrics: ProxyMetrics, { code, seconds, again }: Call): void {
  metrics.started(KEY)
  if (again) metrics.retried(KEY)
  if (code === 502) metrics.shed(KEY, again ? 'overload' : 'max_inflight')
  metrics.finished(KEY, code, seconds)
}

/** The same calls, counted by one process and by way of two workers. */
function count(calls: readonly Call[]) {
  const [one, many] = [createMetrics({ nodeMetrics: false }), createMetrics({ nodeMetrics: false })]
  const ends = [0, 1].map(() => ({ summer: new CallSummer(), ledger: new CallLedger(callMetrics(many)) }))
  const tell = ({ summer, ledger }: (typeof ends)[0]) => ledger.add(JSON.parse(JSON.stringify(summer.take())))
  const direct = callMetrics(one)
  for (const call of calls) {
    note(direct, call)
    note(ends[call.worker]?.summer.metrics ?? direct, call)
    if (call.tell) ends.forEach(tell)
  }
  for (const end of ends) tell(end)
  return { one, many }
}

describe('metrics of calls by way of workers', () => {
  it('are those that one process would have: counts, buckets and sums', async () => {
    const call = fc.record({
      ...{ worker: fc.constantFrom(0, 1), code: fc.constantFrom(200, 404, 502) },
      ...{ seconds: fc.double({ min: 0, max: 100, noNaN: true }), tell: fc.boolean(), again: fc.boolean() }
    })
    await fc.assert(
      fc.asyncProperty(fc.array(call, { maxLength: 30 }), async calls => {
        const { one, many } = count(calls)
        expect(await read(many)).to.deep.equal(await read(one))
        expect(many.knownFunctionMetrics(KEY)?.invocations ?? 0).to.equal(calls.length)
      }),
      { numRuns: 50 }
    )
  })

  it('keep what a worker told when it dies, and end the calls that it had', async () => {
    const metrics = createMetrics({ nodeMetrics: false })
    const summer = new CallSummer()
    const ledger = new CallLedger(callMetrics(metrics))
    for (let i = 0; i < 3; i++) summer.metrics.started(KEY)
    summer.metrics.finished(KEY, 200, 0.1)
    ledger.add(summer.take())
    expect(metrics.functionMetrics(KEY).inflight).to.equal(2)
    ledger.close()
    expect(metrics.functionMetrics(KEY).inflight).to.equal(0)
    const lines = (await read(metrics)).filter(line => line.startsWith('gateway_function_invocation_total'))
    expect(lines).to.deep.equal([
      'gateway_function_invocation_total{function_name="echo.openfaas-fn",code="200"} 1',
      'gateway_function_invocation_total{function_name="echo.openfaas-fn",code="502"} 2'
    ])
  })
})
