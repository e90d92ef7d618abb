import { expect } from 'chai'
import { pinnedAt, scalingFaults, scalingOf } from './scaling.ts'

describe('scaling of a function', () => {
  it('takes what OpenFaaS takes where nothing is said', () => {
    expect(scalingOf({ labels: {}, annotations: {} })).to.deep.equal({
      min: 1,
      factor: 20,
      type: 'rps',
      proportion: 0.9,
      zero: false,
      zeroDurationMs: 900_000,
      freezeDurationMs: 600_000
    })
  })

  it('reads labels and the annotation', () => {
    const labels = {
      'com.openfaas.scale.min': '2',
      'com.openfaas.scale.max': '12',
      'com.openfaas.scale.factor': '0',
      'com.openfaas.scale.type': 'capacity',
      'com.openfaas.scale.target': '2.5',
      'com.openfaas.scale.target-proportion': '0.7',
      'com.openfaas.scale.zero': 'true',
      'com.openfaas.scale.zero-duration': '90s',
      'com.openfaas.scale.down.window': '2m'
    }
    expect(scalingOf({ labels, annotations: { 'com.docker-faas.scale.freeze-duration': '0' } })).to.deep.equal({
      min: 2,
      max: 12,
      factor: 0,
      type: 'capacity',
      target: 2.5,
      proportion: 0.7,
      zero: true,
      zeroDurationMs: 90_000,
      freezeDurationMs: 0,
      downWindowMs: 120_000
    })
  })

  it('names every label that cannot be read, and goes on without it', () => {
    const labels = {
      'com.openfaas.scale.min': '0',
      'com.openfaas.scale.max': 'many',
      'com.openfaas.scale.factor': '101',
      'com.openfaas.scale.type': 'custom',
      'com.openfaas.scale.target': '-1',
      'com.openfaas.scale.target-proportion': '1.5',
      'com.openfaas.scale.zero': 'yes',
      'com.openfaas.scale.zero-duration': 'soon',
      'com.openfaas.scale.down.window': '1 hour'
    }
    const annotations = { 'com.docker-faas.scale.freeze-duration': 'never' }
    const faults = scalingFaults(labels, annotations)
    expect(faults).to.have.length(10)
    for (const name of [...Object.keys(labels), ...Object.keys(annotations)]) {
      expect(faults.some(({ message }) => message.startsWith(`${name} must be `))).to.equal(true)
    }
    expect(scalingOf({ labels, annotations })).to.deep.equal(scalingOf({ labels: {}, annotations: {} }))
  })

  it('refuses a minimum above the maximum', () => {
    const labels = { 'com.openfaas.scale.min': '5', 'com.openfaas.scale.max': '2' }
    expect(scalingFaults(labels, {}).map(({ message }) => message)).to.deep.equal([
      'com.openfaas.scale.min must be at most com.openfaas.scale.max, 2, got "5"'
    ])
  })

  it('holds the number of a person within the bounds, and lets it be none', () => {
    const metadata = { labels: { 'com.openfaas.scale.min': '2', 'com.openfaas.scale.max': '4' }, annotations: {} }
    const object = { metadata: { ...metadata, name: 'f' } } as unknown as Parameters<typeof pinnedAt>[0]
    const numbers = [0, 1, 3, 9].map(replicas => pinnedAt(object, replicas))
    expect(numbers.map(({ replicas }) => replicas)).to.deep.equal([0, 2, 3, 4])
    for (const { scale } of numbers) expect(scale).to.deep.equal({ pinned: true })
  })
})
