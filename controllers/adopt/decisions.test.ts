import { expect } from 'chai'
import type { FunctionObject } from '../../api/function.ts'
import { silentLogger } from '../../src/logging/logger.ts'
import type { Decision, Latch } from '../../src/store/store.ts'
import { POLICY, SIGNER } from '../../test/helpers/builders.ts'
import { Loop } from '../../test/helpers/loop.ts'
import type { Orphan } from '../gc/plan.ts'
import { Decisions } from './decisions.ts'

const KEY = 'openfaas-fn/hello'

describe('Decisions', () => {
  let loop: Loop
  let rows: FunctionObject[]
  let discarded: Set<string>
  let orphans: Orphan[]
  let decision: Decision | undefined
  let decisions: Decisions

  beforeEach(async () => {
    loop = await Loop.open()
    await loop.put()
    await loop.settle()
    rows = []
    discarded = new Set()
    orphans = []
    decision = undefined
    const { uid } = (await loop.get()).metadata
    const latch: Latch = { since: loop.clock.now() + 1, newest: 9, undecided: [{ key: KEY, uid }] }
    decisions = new Decisions({
      engine: loop.engine,
      signer: SIGNER,
      instance: POLICY.instance,
      doubts: { facts: async () => ({ latch, discarded }), decided: async () => undefined },
      functions: { list: async () => rows },
      adoption: {
        decide: async given => {
          decision = given
          return given.isFinal ? undefined : latch
        }
      },
      events: { record: async () => undefined },
      orphans: async () => orphans,
      enqueue: () => undefined,
      collect: () => undefined,
      now: loop.clock.now,
      log: silentLogger
    })
  })
  afterEach(() => loop.close())

  async function anOlderRow(): Promise<FunctionObject> {
    const object = await loop.get()
    return { ...object, metadata: { ...object.metadata, generation: 0, resourceVersion: 4 } }
  }
  const anOrphan = (uid: string): Orphan => ({
    object: {
      kind: 'container',
      id: uid,
      name: `${uid}-0`,
      role: 'replica',
      owner: `openfaas-fn/${uid}`,
      uid,
      createdAt: 0
    },
    verdict: 'newer-than-database'
  })

  it('says which version of a row it is about, so that what is written meanwhile is not lost', async () => {
    rows = [await anOlderRow()]
    await decisions.confirm({ action: 'adopt' })
    expect(decision?.functions.map(({ readAt }) => readAt)).to.deep.equal([4])
    rows = []
    await decisions.confirm({ action: 'adopt' })
    expect(decision?.functions.map(({ readAt }) => readAt)).to.deep.equal([undefined])
  })

  it('gives up no uid under which a function goes on, so that it is asked about the next time as well', async () => {
    rows = [await anOlderRow()]
    await decisions.confirm({ action: 'delete' })
    expect(decision?.discarded).to.deep.equal([])
    const { uid } = (await loop.get()).metadata
    rows = []
    await decisions.confirm({ action: 'delete' })
    expect(decision?.discarded).to.deep.equal([uid])
  })

  it('is over when the last is decided, one by one, and lists nothing that was given up', async () => {
    rows = [await anOlderRow()]
    orphans = [anOrphan('a'), anOrphan('b')]
    await decisions.confirm({ action: 'delete', functions: ['openfaas-fn/a'] })
    expect(decision).to.deep.include({ isFinal: false, discarded: ['a'] })
    discarded.add('a')
    expect((await decisions.list()).delete.map(({ name }) => name)).to.deep.equal(['b-0'])
    await decisions.confirm({ action: 'delete', functions: ['openfaas-fn/b'] })
    expect(decision?.isFinal).to.equal(false)
    discarded.add('b')
    await decisions.confirm({ action: 'delete', functions: [KEY] })
    expect(decision?.isFinal).to.equal(true)
  })
})
