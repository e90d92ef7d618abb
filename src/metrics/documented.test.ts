import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import { createMetrics } from './metrics.ts'

const KEY = 'openfaas-fn/hello'

/** Each metric of everything that happens once: its name, its type, and the labels of its series. */
async function exposed(): Promise<Map<string, { type: string; labels: string }>> {
  const metrics = createMetrics({ nodeMetrics: false, now: () => 0 })
  metrics.functionMetrics(KEY).started()
  metrics.functionMetrics(KEY).finished(200, 0.1)
  metrics.setReplicas(KEY, { wanted: 1, replicas: 1, ready: 1, frozen: 0, target: 50, min: 1, max: 2 })
  metrics.observeRequest({ method: 'GET', path: '/system/functions', code: 200, seconds: 0.1 })
  metrics.cpuUsed(KEY, 1)
  metrics.memoryUsed(KEY, 1)
  metrics.asyncCalls.submitted(KEY)
  metrics.asyncCalls.processed(KEY, 'done')
  metrics.asyncCalls.inflight(KEY, 1)
  metrics.asyncCalls.watch(async () => [{ key: KEY, waiting: 1, reporting: 0, oldestSeconds: 0 }])
  metrics.observeStoreOperation('get', 'success', 0.1)
  const { text } = await metrics.expose()
  const series = text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
  const labelsOf = (name: string) => {
    const line = series.find(
      candidate => /^(?:_bucket|_count)?[{ ]/.test(candidate.slice(name.length)) && candidate.startsWith(name)
    )
    const found = [...(line ?? '').matchAll(/[{,](\w+)="/g)].map(([, label]) => label ?? '')
    return found
      .filter(label => label !== 'le')
      .sort()
      .join()
  }
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)]
  return new Map(types.map(([, name = '', type = '']) => [name, { type, labels: labelsOf(name) }]))
}

describe('docs/monitoring/metrics.md', () => {
  it('names metrics of these types with these labels', async () => {
    const page = await readFile(new URL('../../docs/monitoring/metrics.md', import.meta.url), 'utf8')
    const known = await exposed()
    const rows = [...page.matchAll(/^\| (`[^|]*`) \| (\w+) \|/gm)]
    const told = rows.flatMap(([, cell = '', type = '']) =>
      [...cell.matchAll(/`(\w+)(?:\{([^}]*)\})?`/g)].map(([, name = '', labels = '']) => ({ name, type, labels }))
    )
    expect(told).to.have.length.of.at.least(28)
    for (const { name, type, labels } of told) {
      const sorted = labels === '' ? '' : labels.split(',').sort().join()
      expect(known.get(name), name).to.deep.equal({ type, labels: sorted })
    }
  })
})
