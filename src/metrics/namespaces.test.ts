import { expect } from 'chai'
import { Registry } from 'prom-client'
import { createNamespaceMetrics, type NamespaceSample } from './namespaces.ts'

describe('createNamespaceMetrics', () => {
  const used = { functions: 2, replicas: 5, memoryBytes: 640, withoutMemoryLimit: 0 }
  const linesOf = async (registry: Registry) =>
    (await registry.metrics()).split('\n').filter(line => line !== '' && !line.startsWith('#'))

  it('shows what is used, and quotas where there are some, with one look for a scrape, and nothing of what is gone', async () => {
    const registry = new Registry()
    let samples: NamespaceSample[] = [
      { name: 'a', quota: { replicas: 7, memoryBytes: 1024 }, used },
      { name: 'b', quota: {}, used: { ...used, functions: 0 } }
    ]
    let looks = 0
    createNamespaceMetrics(registry).watchNamespaces(async () => {
      looks++
      return samples
    })
    expect(await linesOf(registry)).to.deep.equal([
      'faas_namespace_functions{namespace="a",type="used"} 2',
      'faas_namespace_functions{namespace="b",type="used"} 0',
      'faas_namespace_replicas{namespace="a",type="used"} 5',
      'faas_namespace_replicas{namespace="a",type="quota"} 7',
      'faas_namespace_replicas{namespace="b",type="used"} 5',
      'faas_namespace_memory_bytes{namespace="a",type="used"} 640',
      'faas_namespace_memory_bytes{namespace="a",type="quota"} 1024',
      'faas_namespace_memory_bytes{namespace="b",type="used"} 640'
    ])
    expect(looks).to.equal(1)
    samples = samples.slice(0, 1)
    expect((await linesOf(registry)).filter(line => line.includes('"b"'))).to.deep.equal([])
  })

  it('costs no other metric when nothing can be read', async () => {
    const registry = new Registry()
    createNamespaceMetrics(registry).watchNamespaces(async () => {
      throw new Error('the database does not answer')
    })
    expect(await linesOf(registry)).to.deep.equal([])
  })
})
