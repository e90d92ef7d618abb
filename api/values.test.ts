import { expect } from 'chai'
import fc from 'fast-check'
import { transition } from './condition.ts'
import { formatDuration, parseDuration } from './duration.ts'
import { parseImageReference } from './image-reference.ts'
import { ownerLabels, ownerOf } from './labels.ts'
import { keyOf, parseKey } from './meta.ts'
import { networkName, outdatedName, parseNetworkName, parseQualifiedName, qualifiedName, replicaName } from './names.ts'
import { parseCpu, parseMemory } from './quantity.ts'

describe('parseMemory', () => {
  const cases: readonly [text: string, bytes: number | undefined][] = [
    ['128Mi', 128 * 2 ** 20],
    ['1Gi', 2 ** 30],
    ['1.5Gi', 1.5 * 2 ** 30],
    ['256m', 256 * 2 ** 20],
    ['1g', 2 ** 30],
    ['1G', 1e9],
    ['500k', 5e5],
    ['134217728', 134217728],
    ['512b', 512],
    [' 1Mi ', 2 ** 20],
    ['', undefined],
    ['0', undefined],
    ['-1Mi', undefined],
    ['129e6', 129e6],
    ['1E3', 1000],
    ['.5Gi', 2 ** 29],
    ['1e3Mi', undefined],
    ['1e999', undefined],
    ['1E', undefined],
    ['1 Mi', undefined],
    ['Mi', undefined],
    ['99999999999Ti', undefined]
  ]
  for (const [text, bytes] of cases) {
    it(`reads ${JSON.stringify(text)} as ${bytes}`, () => {
      expect(parseMemory(text)).to.equal(bytes)
    })
  }

  it('never throws, and gives only positive whole numbers', () =>
    fc.assert(
      fc.property(fc.string(), text => {
        const bytes = parseMemory(text)
        expect(bytes === undefined || (Number.isSafeInteger(bytes) && bytes > 0)).to.equal(true)
      })
    ))
})

describe('parseCpu', () => {
  const cases: readonly [text: string, nanoCpus: number | undefined][] = [
    ['500m', 5e8],
    ['0.5', 5e8],
    ['2', 2e9],
    ['1m', 1e6],
    ['.5', 5e8],
    ['5e-1', 5e8],
    ['0.5m', undefined],
    ['1e-9', undefined],
    ['.', undefined],
    ['0', undefined],
    ['-1', undefined],
    ['1k', undefined],
    ['99999', undefined]
  ]
  for (const [text, nanoCpus] of cases) {
    it(`reads ${JSON.stringify(text)} as ${nanoCpus}`, () => {
      expect(parseCpu(text)).to.equal(nanoCpus)
    })
  }
})

describe('parseDuration', () => {
  const cases: readonly [text: string, ms: number | undefined][] = [
    ['60s', 60_000],
    ['1m30s', 90_000],
    ['1.5h', 5_400_000],
    ['250ms', 250],
    ['30', 30_000],
    ['', undefined],
    ['5', 5000],
    ['5 s', undefined],
    ['-5s', undefined],
    ['s', undefined]
  ]
  for (const [text, ms] of cases) {
    it(`reads ${JSON.stringify(text)} as ${ms} ms`, () => {
      expect(parseDuration(text)).to.equal(ms)
    })
  }

  it('reads back what formatDuration writes', () =>
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e9 }), ms => {
        expect(parseDuration(formatDuration(ms))).to.equal(ms)
      })
    ))
})

describe('parseImageReference', () => {
  const digest = `sha256:${'a'.repeat(64)}`
  const cases: readonly [text: string, reference: object | undefined][] = [
    ['alpine', { registry: 'docker.io', repository: 'library/alpine', tag: 'latest' }],
    ['alpine:3.20', { registry: 'docker.io', repository: 'library/alpine', tag: '3.20' }],
    ['team/fn', { registry: 'docker.io', repository: 'team/fn', tag: 'latest' }],
    ['localhost/fn', { registry: 'localhost', repository: 'fn', tag: 'latest' }],
    ['127.0.0.1:5000/a/b:v1', { registry: '127.0.0.1:5000', repository: 'a/b', tag: 'v1' }],
    [`ghcr.io/a/b@${digest}`, { registry: 'ghcr.io', repository: 'a/b', digest }],
    ['Alpine', undefined],
    ['a b', undefined],
    ['a:b:c', undefined],
    ['a@sha256:short', undefined],
    ['../etc', undefined],
    ['', undefined]
  ]
  for (const [text, reference] of cases) {
    it(`reads ${JSON.stringify(text)}`, () => {
      expect(parseImageReference(text)).to.deep.equal(reference)
    })
  }
})

describe('names', () => {
  const hello = { namespace: 'openfaas-fn', name: 'hello' }
  const other = { namespace: 'team-a', name: 'hello' }

  it('name the default namespace only where there is another', () => {
    expect([qualifiedName(hello), qualifiedName(other)]).to.deep.equal(['hello', 'hello.team-a'])
    expect([replicaName(hello, 0), replicaName(other, 3)]).to.deep.equal(['hello-0', 'hello.team-a-3'])
    expect(outdatedName('hello-0', 'cafecafe')).to.equal('hello-0-cafecafe')
    expect(networkName('net', other)).to.equal('net-hello.team-a')
  })

  it('are read back', () => {
    for (const fn of [hello, other]) {
      expect(parseQualifiedName(qualifiedName(fn))).to.deep.equal(fn)
      expect(parseNetworkName('net', networkName('net', fn))).to.deep.equal(fn)
      expect(parseKey(keyOf(fn))).to.deep.equal(fn)
    }
    expect(parseNetworkName('net', 'bridge')).to.equal(undefined)
    expect(() => parseKey('nothing')).to.throw('not a key')
  })

  it('of owners survive the way through labels, and are not made up', () => {
    const owner = { instance: 'i', namespace: 'n', name: 'f', uid: 'u', generation: 3 }
    expect(ownerOf(ownerLabels(owner, 'replica'))).to.deep.equal(owner)
    expect(ownerOf({ 'com.docker-faas.function': 'f' })).to.equal(undefined)
  })
})

describe('transition', () => {
  it('keeps the time of a condition whose status is the same', () => {
    const first = transition([], { type: 'Ready', status: 'True', reason: 'ReplicasReady', message: '' }, 't1')
    const next = { type: 'Ready', status: 'True', reason: 'ScaledToZero', message: '' } as const
    expect(transition([first], next, 't2').lastTransitionTime).to.equal('t1')
    expect(transition([first], { ...next, status: 'False' }, 't2').lastTransitionTime).to.equal('t2')
  })
})
