import { expect } from 'chai'
import { FunctionInput, FunctionSpecInput, MAX_ENV_BYTES } from './function.ts'

function problemsOf(spec: object): string[] {
  const parsed = FunctionSpecInput.safeParse({ image: 'hello:1', ...spec })
  return parsed.success ? [] : parsed.error.issues.map(issue => `${issue.path.join('.')}: ${issue.message}`)
}

function isFunction(metadata: object): boolean {
  return FunctionInput.safeParse({ metadata: { name: 'hello', ...metadata }, spec: { image: 'hello:1' } }).success
}

describe('FunctionSpecInput', () => {
  it('fills in every default', () => {
    expect(FunctionSpecInput.parse({ image: 'hello:1' })).to.deep.equal({
      image: 'hello:1',
      envProcess: '',
      env: {},
      secrets: [],
      limits: {},
      requests: {},
      readOnlyRootFilesystem: false,
      debug: false,
      constraints: [],
      probes: {}
    })
  })

  const good: readonly object[] = [
    { image: 'registry.example:5000/team/fn:v1@sha256:'.concat('a'.repeat(64)) },
    { replicas: 0 },
    { env: { 'lower.case-dash': '', _A: 'x' } },
    { limits: { memory: '128Mi', cpu: '0.5' }, requests: { memory: '256m', cpu: '500m' } },
    { secrets: ['db-password', 'tls.key'] },
    { probes: { ready: { path: '/ready?full=1' } } }
  ]
  for (const spec of good) {
    it(`takes ${JSON.stringify(spec)}`, () => {
      expect(problemsOf(spec)).to.deep.equal([])
    })
  }

  const bad: readonly [spec: object, field: string][] = [
    [{ image: '' }, 'image'],
    [{ image: 'Hello World' }, 'image'],
    [{ image: '-rf' }, 'image'],
    [{ replicas: -1 }, 'replicas'],
    [{ replicas: 1.5 }, 'replicas'],
    [{ env: { 'A=B': '1' } }, 'env.A=B'],
    [{ env: { '1A': '1' } }, 'env.1A'],
    [{ env: { A: 'a\0b' } }, 'env.A'],
    [{ envProcess: 'a\0b' }, 'envProcess'],
    [{ env: { A: 'x'.repeat(MAX_ENV_BYTES) } }, 'env'],
    [{ limits: { memory: 'lots' } }, 'limits.memory'],
    [{ limits: { memory: '-1Mi' } }, 'limits.memory'],
    [{ limits: { cpu: '0' } }, 'limits.cpu'],
    [{ limits: { gpu: '1' } }, 'limits'],
    [{ secrets: ['../../etc/passwd'] }, 'secrets.0'],
    [{ secrets: ['a', 'a'] }, 'secrets'],
    [{ probes: { ready: { path: 'ready' } } }, 'probes.ready.path'],
    [{ probes: { ready: { path: '/a b' } } }, 'probes.ready.path'],
    [{ privileged: true }, ''],
    [{ restartedAt: 'yesterday' }, 'restartedAt']
  ]
  for (const [spec, field] of bad) {
    it(`refuses ${JSON.stringify(spec).slice(0, 60)} and names the field`, () => {
      expect(problemsOf(spec).map(problem => problem.split(': ')[0])).to.deep.equal([field])
    })
  }
})

describe('FunctionInput', () => {
  it('takes names that are DNS labels only', () => {
    for (const name of ['a', 'hello-2', 'x'.repeat(63)]) expect(isFunction({ name }), name).to.equal(true)
    for (const name of ['', 'Hello', '-a', 'a-', 'a.b', 'a_b', 'a/b', 'x'.repeat(64)]) {
      expect(isFunction({ name }), name).to.equal(false)
    }
  })

  it('refuses the labels by which the loop knows its own objects, and only those', () => {
    expect(isFunction({ labels: { 'com.docker-faas.uid': 'x' } })).to.equal(false)
    expect(isFunction({ labels: { 'com.docker-faas.spec-hash': 'x' } })).to.equal(false)
    expect(isFunction({ labels: { 'com.docker-faas.example': 'x' } })).to.equal(true)
  })

  it('bounds how many labels there are and how long they may be', () => {
    const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`l${i}`, 'x']))
    expect(isFunction({ labels: many(64) })).to.equal(true)
    expect(isFunction({ labels: many(65) })).to.equal(false)
    expect(isFunction({ labels: { a: 'x'.repeat(1025) } })).to.equal(false)
    expect(isFunction({ annotations: { a: 'x'.repeat(16_384) } })).to.equal(true)
  })

  it('takes back what it gave out, ignoring what only the server writes', () => {
    expect(isFunction({ uid: 'x', generation: 3, resourceVersion: 7, createdAt: 'now' })).to.equal(true)
  })
})
