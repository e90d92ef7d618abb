import { expect } from 'chai'
import { aFunction } from '../test/helpers/builders.ts'
import { canonicalJson, specHash, templateHash } from './spec-hash.ts'

type Overrides = Parameters<typeof aFunction>[0]

function hashOf(overrides: Overrides = {}): string {
  const { spec, metadata } = aFunction(overrides)
  return specHash(templateHash(spec, metadata.labels), 'sha256:image')
}

const FULL: Overrides = {
  image: 'registry.example/team/hello:1',
  envProcess: 'cat',
  env: { B: '2', A: '1' },
  secrets: ['db', 'api'],
  limits: { memory: '128Mi', cpu: '500m' },
  requests: { memory: '64Mi' },
  readOnlyRootFilesystem: true,
  debug: true,
  labels: { team: 'a' },
  restartedAt: '2026-01-01T00:00:00.000Z'
}

describe('specHash', () => {
  // When one of these changes, upgrading recreates every container of every installation: see HASH_VERSION.
  it('is the same in every release', () => {
    expect(hashOf()).to.equal('6940774f')
    expect(hashOf(FULL)).to.equal('d969112f')
  })

  it('does not depend on the order of keys and names', () => {
    expect(hashOf({ ...FULL, env: { A: '1', B: '2' }, secrets: ['api', 'db'] })).to.equal(hashOf(FULL))
  })

  const needsNewContainer: readonly Overrides[] = [
    { image: 'hello:2' },
    { envProcess: 'cat' },
    { env: { A: '' } },
    { secrets: ['db'] },
    { limits: { memory: '128Mi' } },
    { requests: { cpu: '1' } },
    { readOnlyRootFilesystem: true },
    { debug: true },
    { labels: { team: 'a' } },
    { restartedAt: '2026-01-01T00:00:00.000Z' }
  ]
  for (const change of needsNewContainer) {
    it(`changes with ${JSON.stringify(change)}`, () => {
      expect(hashOf(change)).not.to.equal(hashOf())
    })
  }

  const needsNone: readonly Overrides[] = [
    { replicas: 5 },
    { annotations: { note: 'x' } },
    { network: 'other' },
    { constraints: ['node.role=worker'] },
    { probes: { ready: { path: '/ready' } } },
    { labels: { 'com.openfaas.scale.max': '5' } }
  ]
  for (const change of needsNone) {
    it(`stays the same with ${JSON.stringify(change)}`, () => {
      expect(hashOf(change)).to.equal(hashOf())
    })
  }

  it('changes with the image that the reference stands for', () => {
    expect(specHash('template', 'sha256:a')).not.to.equal(specHash('template', 'sha256:b'))
  })
})

describe('canonicalJson', () => {
  it('sorts keys at every depth and keeps the order of lists', () => {
    expect(canonicalJson({ b: [{ d: 1, c: 2 }], a: null })).to.equal('{"a":null,"b":[{"c":2,"d":1}]}')
  })
})
