import { expect } from 'chai'
import { getCondition } from '../../api/condition.ts'
import type { ProfileSpec } from '../../api/profile.ts'
import { aDesired, aFunction, POLICY } from '../../test/helpers/builders.ts'
import { Loop } from '../../test/helpers/loop.ts'
import { containerSpec } from './container-spec.ts'
import { desiredOf } from './desired.ts'
import { isolationOf } from './isolation.ts'

const NAMED = 'com.openfaas.profile'
const KEY = 'openfaas-fn/hello'

describe('profiles of a function', () => {
  const pin = { reference: 'hello:1', templateHash: '', id: 'sha256:image' }
  const image = { state: 'pinned', pin } as const
  const desired = (spec: ProfileSpec, missing: string[] = [], annotations = { [NAMED]: 'a' }) =>
    desiredOf(aFunction({ annotations }), { image, restarts: [], profile: { spec, missing } }, POLICY)
  const hashOf = (spec: ProfileSpec) => desired(spec).hash

  it('change no hash of what has none, or of one that grants nothing', () => {
    const plain = desiredOf(aFunction(), { image, restarts: [] }, POLICY).hash
    expect(plain).to.equal('6940774f')
    expect(hashOf({})).to.equal(plain)
    expect(hashOf({ tmpfs: [], dns: { nameservers: [], searches: [], options: [] } })).to.equal(plain)
  })

  it('have a hash of their own for each thing that needs another container', () => {
    const dns = { nameservers: ['10.0.0.53'], searches: [], options: [] }
    const specs: ProfileSpec[] = [
      ...[{}, { user: '1' }, { user: '2' }, { runtime: 'runsc' }, { dns }],
      ...[{ tmpfs: [{ path: '/a', size: '1Mi' }] }, { tmpfs: [{ path: '/a', size: '2Mi' }] }]
    ]
    expect(new Set(specs.map(hashOf)).size).to.equal(specs.length)
    const both = [
      { path: '/a', size: '1Mi' },
      { path: '/b', size: '1Mi' }
    ]
    expect(hashOf({ tmpfs: both })).to.equal(hashOf({ tmpfs: both.toReversed() }))
    expect([hashOf({ user: '1000:1000' }), hashOf({ runtime: 'runsc' })]).to.deep.equal(['45c6aeab', '75bf2071'])
  })

  it('want nothing while one of them is missing, or nobody has looked', () => {
    expect(desired({ user: '1' }, ['b']))
      .to.deep.include({ missingProfiles: ['b'] })
      .and.not.have.property('hash')
    const blind = desiredOf(aFunction({ annotations: { [NAMED]: 'a' } }), { image, restarts: [] }, POLICY)
    expect(blind).to.not.have.property('hash')
  })

  it('reach the container, beside what the policy has there', () => {
    const dns = { nameservers: ['10.0.0.53'], searches: ['a.example'], options: ['ndots:2'] }
    const profile: ProfileSpec = { user: '1000', tmpfs: [{ path: '/cache', size: '64Mi' }], dns }
    const of = (overrides: object) =>
      containerSpec(aFunction(overrides), aDesired({ profile }), {
        ordinal: 0,
        image: 'hello:1',
        hash: 'aaaaaaaa',
        ports: []
      })
    expect(of({})).to.deep.include({ user: '1000', dns, tmpfs: { '/cache': 64 * 2 ** 20 } })
    expect(of({ readOnlyRootFilesystem: true }).tmpfs).to.deep.equal({
      '/tmp': POLICY.tmpfsBytes,
      '/cache': 64 * 2 ** 20
    })
  })

  it('are held against the policy once more, and their user against a restricted namespace in the place of the image’s', () => {
    const rules = { ...POLICY.isolation, runtimes: ['runsc', 'kata'], levelDefault: 'restricted' as const }
    const refusal = (profile: ProfileSpec, annotations = {}) =>
      isolationOf(aFunction({ annotations }), rules, { profile, imageUser: 'root' }).refusal?.message
    expect(refusal({})).to.contain('the image runs as')
    expect(refusal({ user: '1000' })).to.equal(undefined)
    expect(refusal({ user: '0' })).to.contain('the profile runs as root')
    expect(refusal({ user: '1', runtime: 'nvidia' })).to.contain('RUNTIMES_ALLOWED')
    expect(refusal({ user: '1', runtime: 'runsc' }, { 'com.docker-faas.runtime': 'kata' })).to.contain(
      'leave one of them out'
    )
    const engine = { ...aDesiredEngine(), runtimes: ['runc'] }
    const absent = isolationOf(aFunction(), rules, { profile: { user: '1', runtime: 'runsc' }, engine })
    expect(absent).to.deep.include({ runtime: 'runsc' })
    expect(absent.refusal?.reason).to.equal('RuntimeMissing')
  })
})

function aDesiredEngine() {
  return { runtimes: [] as string[] } as unknown as NonNullable<Parameters<typeof isolationOf>[2]['engine']>
}

describe('the function controller, of profiles', () => {
  let loop: Loop

  beforeEach(async () => {
    loop = await Loop.open()
  })
  afterEach(() => loop.close())

  const write = (name: string, spec: ProfileSpec) =>
    loop.store.profiles.put(name, () => ({ name, labels: {}, annotations: {}, spec }))
  const ids = async () => (await loop.engine.listContainers({})).map(({ id }) => id)

  it('rolls replicas one by one when a profile changes what they are, and leaves them when it does not', async () => {
    await write('a', { user: '1000' })
    await loop.put({ replicas: 2, annotations: { [NAMED]: 'a' } })
    await loop.settle()
    const before = await ids()
    const sight = loop.left.get(KEY)
    await loop.store.profiles.put('a', () => ({
      name: 'a',
      labels: { x: 'y' },
      annotations: {},
      spec: { user: '1000' }
    }))
    await loop.settle()
    expect(await ids()).to.deep.equal(before)
    await write('a', { user: '1001' })
    await loop.pass()
    expect((await ids()).filter(id => before.includes(id))).to.have.length(2)
    expect(loop.endpoints.get(KEY)?.endpoints).to.have.length(2)
    await loop.settle()
    expect((await ids()).filter(id => before.includes(id))).to.deep.equal([])
    expect(loop.left.get(KEY)).to.not.equal(sight)
  })

  it('tells of a profile that is not there, and leaves what runs', async () => {
    await write('a', { user: '1000' })
    await loop.put({ annotations: { [NAMED]: 'a,b' } })
    await loop.pass()
    const { status } = await loop.get()
    expect(getCondition(status.conditions, 'Degraded')).to.deep.include({
      reason: 'ProfileMissing',
      message: 'profiles are missing: b; make them, or take them out of com.openfaas.profile'
    })
    expect(await loop.containers()).to.deep.equal([])
    await write('b', {})
    await loop.settle()
    const before = await ids()
    loop.lostProfiles.add('b')
    await loop.settle()
    expect(await ids()).to.deep.equal(before)
    expect(loop.endpoints.get(KEY)?.endpoints).to.have.length(1)
    expect(getCondition((await loop.get()).status.conditions, 'Degraded')?.reason).to.equal('ProfileMissing')
  })
})
