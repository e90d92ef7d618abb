import { expect } from 'chai'
import { aFunction } from '../test/helpers/builders.ts'
import { functionViolations, type WantedFunction } from './function-rules.ts'

const OPERATOR = {
  profiles: { get: () => undefined },
  limits: { maxReplicas: 10, defaultReplicas: 2 },
  rules: {
    ...{ levelDefault: 'baseline' as const, levels: { payments: 'restricted' as const }, runtimes: [] },
    image: { registries: ['registry.example'], digestRequired: false }
  }
}
const MIN = 'com.openfaas.scale.min'
const HELLO = { name: 'hello', namespace: 'openfaas-fn', labels: {}, annotations: {}, debug: false, current: undefined }

function broken(over: Partial<WantedFunction>): string[] {
  return functionViolations({ ...HELLO, ...over }, OPERATOR).map(({ field, message }) => `${field}: ${message}`)
}

describe('rules of a function as a whole', () => {
  it('are kept by a plain one', () => {
    expect(broken({})).to.deep.equal([])
  })

  it('let what is there keep a name of the older program, and give none anew', () => {
    expect(broken({ name: 'My_Func', namespace: 'b.c', current: aFunction() })).to.deep.equal([])
    expect(broken({ name: 'My_Func', namespace: 'b.c' }).map(text => text.split(' must be')[0])).to.deep.equal([
      'name:',
      'namespace:'
    ])
  })

  it('hold replicas against the most there may be, where the request changes them', () => {
    const current = aFunction({ replicas: 12 })
    expect(broken({ replicas: 12, current })).to.deep.equal([])
    expect(broken({ replicas: 11, current })).to.deep.equal(['replicas: must be at most 10 (MAX_REPLICAS), got 11'])
    expect(broken({ labels: { [MIN]: '11' } })).to.deep.equal([
      `labels.${MIN}: must be at most 10 (MAX_REPLICAS), got 11`
    ])
    expect(broken({ labels: { [MIN]: '11' }, current })).to.deep.equal([])
  })

  it('are all told of, in one order', () => {
    const all = broken({
      ...{ name: 'A', namespace: 'payments', replicas: 99, image: 'nginx', debug: true },
      annotations: {
        'com.docker-faas.egress': 'all',
        'com.docker-faas.runtime': 'nvidia',
        'com.openfaas.health.http.periodSeconds': 'often'
      }
    })
    expect(all.map(text => text.split(' ')[0])).to.deep.equal([
      ...['name:', 'replicas:', 'image:', 'annotations:', 'annotations:', 'debug:', 'annotations:']
    ])
  })
})
