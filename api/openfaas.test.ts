import { expect } from 'chai'
import fc from 'fast-check'
import { type FunctionObject, INITIAL_STATUS } from './function.ts'
import { DeleteRequest, Deployment, fromDeployment, ScaleRequest, toFunctionStatus } from './openfaas.ts'
import { canonicalJson } from './spec-hash.ts'

const LIMITS = { maxReplicas: 10, defaultReplicas: 2 }
const HELLO = { service: 'hello', image: 'hello:1' }

const parse = (body: unknown) => Deployment.parse(body)
const draftOf = (body: object, current?: FunctionObject) =>
  fromDeployment(parse({ ...HELLO, ...body }), current, LIMITS)

function stored(body: object, status: Partial<FunctionObject['status']> = {}): FunctionObject {
  const { spec, ...named } = draftOf(body)
  const now = '2026-01-02T03:04:05.000Z'
  const metadata = { ...named, uid: 'u', generation: 1, resourceVersion: 1, createdAt: now, updatedAt: now }
  return { metadata, spec, status: { ...INITIAL_STATUS, ...status } }
}

describe('the wire of OpenFaaS', () => {
  it('reads null and empty text as absent, as Go writes them', () => {
    const nulls = {
      namespace: '',
      labels: null,
      annotations: null,
      envVars: null,
      secrets: null,
      limits: null,
      debug: null
    }
    expect(canonicalJson(draftOf({ ...nulls, requests: { memory: '', cpu: null } }))).to.equal(
      canonicalJson(draftOf({}))
    )
  })

  it('ignores what it does not know', () => {
    expect(parse({ ...HELLO, registryAuth: 'x', limits: { gpu: '1', cpu: '1' } })).to.deep.equal(
      parse({ ...HELLO, limits: { cpu: '1' } })
    )
  })

  it('S23: keeps no key that reaches for a prototype', () => {
    const poisoned = JSON.parse('{"service":"a","image":"b","__proto__":{"debug":true}}')
    expect(parse(poisoned)).to.include({ debug: false })
    expect(Object.getPrototypeOf(parse(poisoned))).to.equal(Object.prototype)
  })

  const replicas: [labels: Record<string, string>, count: number][] = [
    [{}, 2],
    [{ 'com.openfaas.scale.min': '5' }, 5],
    [{ 'com.openfaas.scale.min': '0' }, 2],
    [{ 'com.openfaas.scale.min': '-3' }, 2],
    [{ 'com.openfaas.scale.min': 'many' }, 2],
    [{ 'com.openfaas.scale.min': '1e1' }, 2],
    [{ 'com.openfaas.scale.min': '' }, 2]
  ]
  for (const [labels, count] of replicas) {
    it(`starts a new function with ${count} replicas by ${JSON.stringify(labels)}`, () => {
      expect(draftOf({ labels }).spec.replicas).to.equal(count)
    })
  }

  it('keeps what the wire has no word for', () => {
    const old = stored({})
    const probes = { ready: { path: '/ready' } }
    const restartedAt = '2026-01-02T03:04:05.000Z'
    const current = { ...old, spec: { ...old.spec, replicas: 7, probes, restartedAt } }
    expect(draftOf({ image: 'hello:2' }, current).spec).to.deep.include({
      replicas: 7,
      probes,
      restartedAt,
      image: 'hello:2'
    })
  })

  it('leaves annotations alone, and its own label out', () => {
    const annotations = { 'com.openfaas.ready.http.path': '/ready' }
    const draft = draftOf({ annotations, labels: { faas_function: 'hello', a: 'b' } })
    expect(draft.annotations).to.deep.equal(annotations)
    expect(draft.labels).to.deep.equal({ a: 'b' })
    expect(draft.spec.probes).to.deep.equal({})
  })

  it('gives limits back as typed', () => {
    const limits = { memory: '5Mi', cpu: '0.50' }
    expect(toFunctionStatus(stored({ limits }), 0).limits).to.deep.equal(limits)
  })

  it('says how many replicas are wanted and how many answer', () => {
    const status = toFunctionStatus(stored({}, { replicas: 3, readyReplicas: 1 }), 42)
    expect(status).to.include({ replicas: 2, availableReplicas: 1, invocationCount: 42 })
    expect(status.createdAt).to.equal('2026-01-02T03:04:05.000Z')
  })

  it('gives back what deploys to the same again', () => {
    const text = fc.string({ minLength: 1, maxLength: 8 }).filter(value => !value.includes('\0'))
    const key = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/).filter(name => name !== 'constructor')
    const map = fc.dictionary(key, text, { maxKeys: 4 })
    const body = fc.record(
      { envVars: map, labels: map, annotations: map, envProcess: text, debug: fc.boolean() },
      { requiredKeys: [] }
    )
    fc.assert(
      fc.property(body, deployment => {
        const object = stored(deployment)
        const { name, replicas: _replicas, ...given } = toFunctionStatus(object, 0)
        const again = fromDeployment(parse({ ...given, service: name }), object, LIMITS)
        expect(canonicalJson(again)).to.equal(canonicalJson(draftOf(deployment)))
      })
    )
  })

  it('takes an empty network for none, so that it is the same function again', () => {
    expect(draftOf({ network: '' })).to.deep.equal(draftOf({}))
  })

  it('reads the bodies of delete and scale', () => {
    expect(DeleteRequest.parse({ functionName: 'a', namespace: null, x: 1 })).to.deep.equal({ functionName: 'a' })
    expect(ScaleRequest.parse({ serviceName: 'a', replicas: 0 })).to.deep.equal({ replicas: 0 })
    for (const bad of [{}, { replicas: null }, { replicas: '1' }, { replicas: 1.5 }, { replicas: -1 }]) {
      expect(ScaleRequest.safeParse(bad).success, JSON.stringify(bad)).to.equal(false)
    }
  })
})
