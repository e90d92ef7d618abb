import { expect } from 'chai'
import { heirOf } from '../../api/legacy.ts'
import { aFunction } from '../../test/helpers/builders.ts'
import { legacyLabels } from '../../test/helpers/legacy.ts'
import type { OwnedObject } from '../owned.ts'
import { type GcFacts, NO_DOUBTS, planGarbage, planLegacy } from './plan.ts'

const NOW = Date.UTC(2026, 0, 2)
const BORN = Date.UTC(2026, 0, 1)

function anOwned(overrides: Partial<OwnedObject> = {}): OwnedObject {
  return {
    kind: 'container',
    id: 'id-1',
    name: 'hello-0',
    role: 'replica',
    owner: 'openfaas-fn/hello',
    uid: 'uid-1',
    createdAt: BORN + 1000,
    ...overrides
  }
}

function verdicts(overrides: Partial<GcFacts>): string[] {
  const facts: GcFacts = {
    owned: [anOwned()],
    living: new Map([['openfaas-fn/other', 'uid-9']]),
    firstSeen: new Map([['container id-1', NOW - 60_000]]),
    doubts: NO_DOUBTS,
    bornAt: BORN,
    now: NOW,
    graceMs: 60_000,
    maxShare: 1,
    ...overrides
  }
  return planGarbage(facts).map(({ object, verdict }) => `${object.name}: ${verdict}`)
}

describe('planGarbage', () => {
  it('leaves alone what a living function owns', () => {
    expect(verdicts({ living: new Map([['openfaas-fn/hello', 'uid-1']]) })).to.deep.equal([])
  })

  it('collects what has had no owner for the grace period', () => {
    expect(verdicts({})).to.deep.equal(['hello-0: collect'])
  })

  it('waits for the grace period, also for what it sees for the first time', () => {
    expect(verdicts({ firstSeen: new Map([['container id-1', NOW - 59_999]]) })).to.deep.equal(['hello-0: grace'])
    expect(verdicts({ firstSeen: new Map() })).to.deep.equal(['hello-0: grace'])
  })

  it('takes a container of an earlier function of the same name for an orphan, but not its network', () => {
    const living = new Map([['openfaas-fn/hello', 'uid-2']])
    expect(verdicts({ living })).to.deep.equal(['hello-0: collect'])
    expect(verdicts({ living, owned: [anOwned({ kind: 'network', name: 'net' })] })).to.deep.equal([])
  })

  it('collects a volume of an earlier function, and one that its function names no secrets for and nothing uses', () => {
    const volume = anOwned({ kind: 'volume', id: 'v', name: 'v', role: 'secrets' })
    const [key, since] = ['openfaas-fn/hello', new Map([['volume v', 0]])]
    const of = (uid: string, rest: Partial<GcFacts> = {}) =>
      verdicts({ owned: [volume], firstSeen: since, living: new Map([[key, uid]]), ...rest })
    expect(of('uid-2')).to.deep.equal(['v: collect'])
    expect(of('uid-1'), 'names secrets').to.deep.equal([])
    const secretless = new Set([key])
    expect(of('uid-1', { secretless })).to.deep.equal(['v: collect'])
    const user = anOwned({ secretsVolume: 'v' })
    expect(of('uid-1', { secretless, owned: [volume, user] }), 'in use').to.deep.equal([])
  })

  it('N5: collects each network beside the oldest of its name, and none that only carries our labels', () => {
    const aNetwork = (id: string, overrides: Partial<OwnedObject> = {}) =>
      anOwned({ kind: 'network', id, name: 'net', ...overrides })
    const living = new Map([['openfaas-fn/hello', 'uid-1']])
    const collected = (owned: OwnedObject[]) => {
      const firstSeen = new Map(owned.map(object => [`network ${object.id}`, BORN]))
      const facts = {
        owned,
        living,
        firstSeen,
        doubts: NO_DOUBTS,
        bornAt: BORN,
        now: NOW,
        graceMs: 60_000,
        maxShare: 1
      }
      return planGarbage(facts).map(({ object, verdict }) => `${object.id}: ${verdict}`)
    }
    const young = { createdAt: BORN + 2000 }
    expect(collected([aNetwork('c', young), aNetwork('b'), aNetwork('a', young)])).to.deep.equal([
      'c: collect',
      'a: collect'
    ])
    expect(collected([aNetwork('b'), aNetwork('a')])).to.deep.equal(['b: collect'])
    expect(collected([aNetwork('a', { forged: true }), aNetwork('b')])).to.deep.equal(['a: forged'])
    expect(collected([aNetwork('a'), aNetwork('b', { name: 'other' })])).to.deep.equal([])
    expect(collected([aNetwork('a'), anOwned({ id: 'b', name: 'net' })])).to.deep.equal([])
  })

  it('S11: lets nothing go while a person is asked, and says of what', () => {
    const doubts = {
      isLatched: true,
      undecided: [{ key: 'openfaas-fn/hello', uid: 'uid-1' }],
      discarded: new Set<string>()
    }
    const owned = [
      anOwned(),
      anOwned({ name: 'other-0', uid: 'uid-2' }),
      anOwned({ kind: 'network', name: 'net', uid: 'x' })
    ]
    expect(verdicts({ doubts, owned })).to.deep.equal(['hello-0: adopt', 'other-0: newer-than-database', 'net: adopt'])
  })

  it('S11: collects what a person has given up, however old and empty the database is', () => {
    const doubts = { ...NO_DOUBTS, discarded: new Set(['uid-1']) }
    const owned = [anOwned({ createdAt: BORN - 5000 })]
    expect(verdicts({ doubts, owned, living: new Map() })).to.deep.equal(['hello-0: collect'])
  })

  it('holds back everything when the database is empty', () => {
    expect(verdicts({ living: new Map() })).to.deep.equal(['hello-0: database-empty'])
  })

  it('holds back what is older than the database', () => {
    expect(verdicts({ owned: [anOwned({ createdAt: BORN - 1000 })] })).to.deep.equal(['hello-0: older-than-database'])
  })

  it('holds back what does not say whose it is', () => {
    const { owner: _, ...nobodys } = anOwned()
    expect(verdicts({ owned: [nobodys] })).to.deep.equal(['hello-0: unknown-owner'])
  })

  it('takes at most a share of all objects in one pass, containers before networks and volumes', () => {
    const owned = [
      anOwned({ kind: 'volume', id: 'v', name: 'volume' }),
      anOwned({ kind: 'network', id: 'n', name: 'network' }),
      anOwned({ id: 'c', name: 'container' }),
      anOwned({ id: 'd', name: 'other' })
    ]
    const firstSeen = new Map(owned.map(o => [`${o.kind} ${o.id}`, 0]))
    expect(verdicts({ owned, firstSeen, maxShare: 0.5 })).to.deep.equal([
      'container: collect',
      'other: collect',
      'network: next-pass',
      'volume: next-pass'
    ])
    expect(verdicts({ owned, firstSeen, maxShare: 0 })[0]).to.equal('container: collect')
  })

  it('lets go first of each kind who has waited longest, then by name', () => {
    const owned = ['b', 'c', 'a', 'new'].map(name => anOwned({ id: name, name }))
    const firstSeen = new Map([
      ['container a', 2],
      ['container b', 2],
      ['container c', 1]
    ])
    for (const order of [owned, owned.toReversed()]) {
      expect(verdicts({ owned: order, firstSeen })).to.deep.equal([
        'c: collect',
        'a: collect',
        'b: collect',
        'new: grace'
      ])
    }
  })

  it('counts only what goes for the share of one pass', () => {
    const owned = [anOwned({ id: 'x', name: 'x', kind: 'volume' }), anOwned({ id: 'young', name: 'young' })]
    expect(verdicts({ owned, firstSeen: new Map([['volume x', 0]]), maxShare: 0.5 })).to.deep.equal([
      'young: grace',
      'x: collect'
    ])
  })

  it('says of what names no owner that a person decides, whatever else holds it back', () => {
    const { owner: _, ...nobodys } = anOwned({ createdAt: BORN - 1000 })
    expect(verdicts({ owned: [nobodys], living: new Map() })).to.deep.equal(['hello-0: unknown-owner'])
  })
})

describe('planLegacy', () => {
  const aContainer = (name: string, network = `net-${name}`) => ({
    id: `id-${name}`,
    name: `${name}-0`,
    labels: legacyLabels(name, 0, network),
    createdAt: BORN
  })

  it('tells the containers that no function takes over, by name, and none that one does', () => {
    const containers = [aContainer('unknown'), aContainer('hello'), aContainer('another')]
    const told = planLegacy(containers, [heirOf(aFunction(), 'net')])
    expect(told.map(({ object, verdict }) => `${object.name} of ${object.owner}: ${verdict}`)).to.deep.equal([
      'another-0 of openfaas-fn/another: legacy',
      'unknown-0 of openfaas-fn/unknown: legacy'
    ])
  })

  it('tells the container of an inherited function that is on a network of another installation', () => {
    const told = planLegacy([aContainer('hello', 'other-hello')], [heirOf(aFunction(), 'net')])
    expect(told.map(({ object }) => object.name)).to.deep.equal(['hello-0'])
  })

  it('tells nothing of containers that an instance of ours owns', () => {
    const { labels, ...rest } = aContainer('hello')
    expect(planLegacy([{ ...rest, labels: { ...labels, 'com.docker-faas.instance': 'other' } }], [])).to.deep.equal([])
  })

  it('asks every heir, and knows what says nothing of its ordinal for nobody’s', () => {
    const heirs = [heirOf(aFunction({ name: 'other' }), 'net'), heirOf(aFunction(), 'net')]
    expect(planLegacy([aContainer('hello')], heirs)).to.deep.equal([])
    const [told] = planLegacy([{ ...aContainer('hello'), name: 'something-else' }], heirs)
    expect(told?.object.name).to.equal('something-else')
  })
})
