import { expect } from 'chai'
import type { FunctionObject } from '../../api/function.ts'
import { templateHash } from '../../api/spec-hash.ts'
import { aFunction, NOW } from '../../test/helpers/builders.ts'
import type { OwnedObject } from '../owned.ts'
import { compare, goBack, proposeAdoption } from './plan.ts'

const KEY = 'openfaas-fn/hello'
const LATER = NOW + 60_000

interface Overrides extends Partial<Omit<OwnedObject, 'record'>> {
  readonly generation?: number
  readonly ordinal?: number
  readonly fn?: FunctionObject
}

function aContainer({ generation = 1, ordinal = 0, fn = aFunction(), ...overrides }: Overrides = {}): OwnedObject {
  const { labels, annotations } = fn.metadata
  return {
    kind: 'container',
    id: `id-${ordinal}`,
    name: `hello-${ordinal}`,
    role: 'replica',
    owner: KEY,
    uid: 'uid-1',
    createdAt: NOW,
    resourceVersion: 5,
    record: { labels, annotations, spec: fn.spec, generation, ordinal, imageId: 'sha256:image' },
    ...overrides
  }
}

const aNetwork = (overrides: Partial<OwnedObject> = {}): OwnedObject => {
  const { record: _, ...rest } = aContainer()
  return { ...rest, kind: 'network', id: 'net', name: 'net-hello', role: 'network', ...overrides }
}

describe('compare', () => {
  const found = (owned: OwnedObject[], functions: FunctionObject[], baseline: number, discarded: string[] = []) =>
    compare({ owned, functions, baseline, discarded: new Set(discarded) })

  it('finds a lost database by what runs that a newer one made', () => {
    expect(found([aContainer(), aNetwork()], [], 0)).to.deep.equal({
      newest: 5,
      isAhead: true,
      undecided: [{ key: KEY, uid: 'uid-1' }]
    })
  })

  it('takes for an orphan what this very database made', () => {
    expect(found([aContainer()], [], 5)).to.deep.include({ isAhead: false, undecided: [] })
  })

  it('finds nothing where every function that runs is known, in its generation or a later one', () => {
    const known = aFunction({ generation: 2 })
    expect(found([aContainer({ generation: 2 }), aNetwork()], [known], 0)).to.deep.include({ isAhead: false })
    expect(found([aContainer({ generation: 1 })], [known], 0)).to.deep.include({ isAhead: false })
  })

  for (const [what, container] of [
    ['a later generation', aContainer({ generation: 3 })],
    ['another function of that name', aContainer({ uid: 'uid-2' })]
  ] as const) {
    it(`finds ${what}`, () => {
      const { isAhead, undecided } = found([container], [aFunction({ generation: 2 })], 4)
      expect({ isAhead, undecided }).to.deep.equal({ isAhead: true, undecided: [{ key: KEY, uid: container.uid }] })
    })
  }

  it('asks about the newest of several functions of one name', () => {
    const owned = [aContainer(), aContainer({ uid: 'uid-2', resourceVersion: 9 }), aContainer({ uid: 'uid-3' })]
    expect(found(owned, [], 0).undecided).to.deep.equal([{ key: KEY, uid: 'uid-2' }])
  })

  it('asks nothing about what a person has given up, and what is forged says nothing', () => {
    expect(found([aContainer()], [], 0, ['uid-1'])).to.deep.include({ isAhead: false })
    expect(found([aContainer({ forged: true })], [], 0)).to.deep.equal({ newest: 0, isAhead: false, undecided: [] })
  })

  it('finds a network that nothing runs on, which no function can be made of', () => {
    expect(found([aNetwork()], [], 0)).to.deep.equal({ newest: 5, isAhead: true, undecided: [] })
  })
})

describe('proposeAdoption', () => {
  const undecided = [{ key: KEY, uid: 'uid-1' }]
  const proposed = (owned: OwnedObject[], functions: FunctionObject[] = []) =>
    proposeAdoption(undecided, { owned, functions, since: LATER, now: LATER + 1 })

  it('makes the function again of the newest that runs, with a replica for each ordinal and the image that runs', () => {
    const fn = aFunction({ labels: { a: 'b' }, annotations: { c: 'd' }, image: 'hello:2', replicas: 1 })
    const owned = [
      aContainer({ generation: 4, fn, ordinal: 2 }),
      aContainer({ generation: 3, createdAt: NOW - 1000 }),
      aContainer({ uid: 'uid-0', generation: 9, ordinal: 7 })
    ]
    const [proposal] = proposed(owned)
    expect(proposal?.object.metadata).to.deep.include({
      ...{ namespace: 'openfaas-fn', name: 'hello', uid: 'uid-1', generation: 4 },
      ...{ labels: { a: 'b' }, annotations: { c: 'd' }, createdAt: new Date(NOW - 1000).toISOString() }
    })
    expect(proposal?.object.spec).to.deep.equal({ ...fn.spec, replicas: 3 })
    expect(proposal?.object.status.image).to.deep.equal({
      reference: 'hello:2',
      templateHash: templateHash(fn.spec, fn.metadata.labels),
      id: 'sha256:image'
    })
    expect(proposal).to.deep.include({ runs: 4, containers: ['hello-0', 'hello-2'], isRewritten: false })
  })

  it('proposes nothing for a function of which nothing newer is left', () => {
    expect(proposed([])).to.deep.equal([])
    expect(proposed([aContainer({ generation: 1 })], [aFunction({ generation: 2 })])).to.deep.equal([])
  })

  it('keeps what a person has written since, as the next generation of what runs', () => {
    const row = aFunction({ uid: 'uid-9', image: 'hello:3' })
    const written = { ...row, metadata: { ...row.metadata, updatedAt: new Date(LATER).toISOString() } }
    const [proposal] = proposed([aContainer({ generation: 4 })], [written])
    expect(proposal?.isRewritten).to.equal(true)
    expect(proposal?.object.metadata).to.deep.include({ uid: 'uid-1', generation: 5 })
    expect(proposal?.object.spec.image).to.equal('hello:3')
  })

  it('keeps a deletion that was asked for since', () => {
    const deletionRequestedAt = new Date(LATER).toISOString()
    const [proposal] = proposed([aContainer({ generation: 4 })], [aFunction({ deletionRequestedAt })])
    expect(proposal?.object.metadata).to.deep.include({ uid: 'uid-1', generation: 5, deletionRequestedAt })
  })

  it('goes back to the database as a generation that nothing carries', () => {
    const row = aFunction({ generation: 2, image: 'hello:1' })
    const [proposal] = proposed([aContainer({ generation: 4, fn: aFunction({ image: 'hello:2' }) })], [row])
    const back = proposal && goBack(proposal)
    expect([back?.metadata.generation, back?.spec.image]).to.deep.equal([5, 'hello:1'])
    const [other] = proposed([aContainer({ generation: 4 })], [aFunction({ uid: 'uid-0' })])
    expect(other && goBack(other)).to.equal(undefined)
  })
})
