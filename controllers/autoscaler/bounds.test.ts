import { expect } from 'chai'
import { boundsOf } from './bounds.ts'

const POLICY = { maxReplicas: 10, defaultReplicas: 1 }
const labels = (said: Record<string, string>) =>
  Object.fromEntries(Object.entries(said).map(([name, value]) => [`com.openfaas.scale.${name}`, value]))

describe('bounds of the autoscaler', () => {
  const cases = [
    ['no label: one to what the operator allows', {}, POLICY, undefined, [1, 10]],
    ['no label where much is allowed: OpenFaaS gives 20', {}, { ...POLICY, maxReplicas: 50 }, undefined, [1, 20]],
    ['no label: back to as many as a new one has', {}, { ...POLICY, defaultReplicas: 3 }, undefined, [3, 10]],
    ['new functions start at zero: one', {}, { ...POLICY, defaultReplicas: 0 }, undefined, [1, 10]],
    ['a label wins over the default', { min: '1', max: '4' }, { ...POLICY, defaultReplicas: 3 }, undefined, [1, 4]],
    ['labels beyond what the operator allows', { min: '30', max: '40' }, POLICY, undefined, [10, 10]],
    ['a default above the most', { max: '2' }, { ...POLICY, defaultReplicas: 3 }, undefined, [2, 2]],
    ['a small network leaves room for an update', { max: '40' }, { ...POLICY, maxReplicas: 50 }, 12, [1, 10]],
    ['a network that is large enough', { max: '40' }, { ...POLICY, maxReplicas: 50 }, 60, [1, 40]],
    ['a least that takes all of the network', { min: '12', max: '40' }, { ...POLICY, maxReplicas: 50 }, 12, [12, 12]],
    ['a least that does not fit: the condition tells', { min: '30' }, { ...POLICY, maxReplicas: 50 }, 12, [30, 30]],
    ['a network without room', {}, POLICY, 0, [1, 1]]
  ] as const
  for (const [name, said, policy, capacity, [min, max]] of cases) {
    it(name, () => {
      expect(boundsOf(labels(said), policy, capacity)).to.deep.equal({ min, max })
    })
  }
})
