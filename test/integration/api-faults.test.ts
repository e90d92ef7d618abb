import { expect } from 'chai'
import { type Answer, type ApiServer, startApi } from '../helpers/api-server.ts'
import { POLICY } from '../helpers/builders.ts'
import { createNamespaces } from '../helpers/namespaces.ts'

const IMAGE = 'registry.example/a:1'
const MIN = 'com.openfaas.scale.min'
const ANNOTATIONS = { 'com.docker-faas.egress': 'all', 'com.docker-faas.runtime': 'nvidia' }
const LABELS = { [MIN]: '99', 'com.openfaas.scale.type': 'x' }

/** The fields that an answer names, in order; on `/system` they are in its text. */
function fieldsOf({ text, json }: Answer): string[] {
  const errors = (json as { errors?: { field: string }[] } | undefined)?.errors
  return errors?.map(({ field }) => field) ?? text.split('; ').map(fault => fault.slice(0, fault.indexOf(':')))
}

describe('a request with several faults', () => {
  let api: ApiServer
  before(async () => {
    const isolation = { ...POLICY.isolation, levels: { payments: 'restricted' as const } }
    api = await startApi({ rules: isolation })
    await createNamespaces(api.store, ['payments'])
  })
  after(() => api[Symbol.asyncDispose]())

  async function refused(method: string, path: string, body: object, headers?: Record<string, string>) {
    const answer = await api.request(method, path, body, headers)
    expect(answer.status, answer.text).to.equal(400)
    return fieldsOf(answer)
  }

  it('is told of all of them at once on /v1: fields, names, labels and annotations', async () => {
    const metadata = { name: 'My_Func', namespace: 'payments', labels: LABELS, annotations: ANNOTATIONS }
    const spec = { image: 'a b', debug: true, limits: { memory: 'much' }, colour: 'red' }
    expect(await refused('POST', '/v1/functions', { metadata, spec })).to.have.members([
      ...['spec.image', 'spec.limits.memory', 'spec.colour', 'spec.debug', 'metadata.name'],
      ...[`metadata.labels.${MIN}`, 'metadata.labels', 'metadata.annotations', 'metadata.annotations']
    ])
    const others = { metadata: { ...metadata, labels: {} }, spec: { image: IMAGE, replicas: 99 } }
    expect(await refused('POST', '/v1/functions', others)).to.have.members([
      ...['metadata.name', 'spec.replicas', 'metadata.annotations', 'metadata.annotations']
    ])
  })

  it('is told of all of them at once on /system, with its own names', async () => {
    const body = { service: 'My_Func', image: IMAGE, labels: LABELS, annotations: ANNOTATIONS }
    const rules = ['service', `labels.${MIN}`, 'labels', 'annotations', 'annotations']
    expect(await refused('POST', '/system/functions', body)).to.have.members(rules)
    const fields = { image: 'a b', limits: { cpu: 'much' }, debug: 'yes' }
    expect(await refused('POST', '/system/functions', { ...body, ...fields })).to.have.members([
      ...['image', 'limits.cpu', 'debug', ...rules]
    ])
  })

  it('is told of all of them at once where the function is there', async () => {
    expect(
      (await api.request('POST', '/v1/functions', { metadata: { name: 'a' }, spec: { image: IMAGE } })).status
    ).to.equal(201)
    const wrong = { metadata: { name: 'b', annotations: ANNOTATIONS }, spec: { image: IMAGE, limits: { cpu: 'much' } } }
    const fields = ['spec.limits.cpu', 'metadata.annotations', 'metadata.annotations']
    expect(await refused('PUT', '/v1/functions/a', wrong)).to.have.members([...fields, 'metadata.name'])
    const patch = { ...wrong, metadata: { annotations: ANNOTATIONS } }
    expect(await refused('PATCH', '/v1/functions/a', patch)).to.have.members(fields)
    const wire = { service: 'a', image: IMAGE, annotations: ANNOTATIONS, limits: { cpu: 'much' } }
    expect(await refused('PUT', '/system/functions', wire)).to.have.members([
      ...['limits.cpu', 'annotations', 'annotations']
    ])
  })

  it('is told nothing of the rules of a namespace that the caller must not see', async () => {
    const bound = { name: 'bound', scopes: ['deploy'], namespaces: ['openfaas-fn'] }
    const { token } = (await api.request('POST', '/v1/tokens', bound)).json
    const annotations = { 'com.docker-faas.egress': 'open' }
    const metadata = { name: 'a', namespace: 'payments', annotations }
    const body = { metadata, spec: { image: IMAGE, colour: 'red' } }
    expect(await refused('POST', '/v1/functions', body)).to.have.members(['spec.colour', 'metadata.annotations'])
    const seen = await refused('POST', '/v1/functions', body, { authorization: `Bearer ${token}` })
    expect(seen).to.deep.equal(['spec.colour'])
  })
})
