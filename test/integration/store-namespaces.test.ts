import { expect } from 'chai'
import type { FaasError } from '../../api/errors.ts'
import type { FunctionSpec } from '../../api/function.ts'
import { QUOTA_ANNOTATIONS } from '../../api/quota.ts'
import { migrateDown } from '../../src/store/migrator.ts'
import { type OpenOptions, openStore, type Store } from '../../src/store/open.ts'
import { aDraft, load, Scratch, TestClock, withSqlite } from '../fixtures/db/files.ts'
import { aKeyring } from '../helpers/keyring.ts'

const MIB = 2 ** 20
const ADMISSION = { admission: { maxFunctions: 0 } }
const NOTHING = { labels: {}, annotations: {} }

/** The error that a promise ends in. */
async function refusalOf(promise: Promise<unknown>): Promise<FaasError> {
  const err = await promise.then(
    () => undefined,
    (reason: unknown) => reason
  )
  expect(err, 'it was not refused').to.be.instanceOf(Error)
  return err as FaasError
}

describe('store: namespaces', () => {
  let scratch: Scratch
  let store: Store
  const clock = new TestClock()
  const open = async (options: Partial<OpenOptions> = {}) =>
    await openStore({ path: scratch.path, clock, cipher: await aKeyring(scratch.directory), ...options })
  const names = async () => (await store.namespaces.list()).map(({ name }) => name)
  const put = (namespace: string, name: string, spec: Partial<FunctionSpec> = {}) =>
    store.functions.put(`${namespace}/${name}`, () => ({ ...aDraft(name, spec), namespace }), ADMISSION)
  const withQuota = async (quota: Partial<Record<keyof typeof QUOTA_ANNOTATIONS, string>>) => {
    const annotations = Object.fromEntries(
      Object.entries(quota).map(([name, value]) => [QUOTA_ANNOTATIONS[name as keyof typeof QUOTA_ANNOTATIONS], value])
    )
    await store.namespaces.put('a', () => ({ labels: {}, annotations }))
  }

  beforeEach(async () => {
    scratch = await Scratch.create()
    store = await open()
  })
  afterEach(async () => {
    await store.close()
    await scratch[Symbol.asyncDispose]()
  })

  it('begins with the default one, and keeps what others are given', async () => {
    expect(await names()).to.deep.equal(['openfaas-fn'])
    const draft = { labels: { team: 'a', openfaas: '1' }, annotations: { note: 'x'.repeat(2000) } }
    const created = await store.namespaces.put('a', () => draft)
    expect(created).to.deep.equal({
      outcome: 'created',
      object: { name: 'a', ...draft, createdAt: '2026-01-02T03:04:05.678Z', resourceVersion: 1 },
      previous: undefined
    })
    expect((await store.namespaces.put('a', () => draft)).outcome).to.equal('unchanged')
    await store.close()
    store = await open()
    expect(await store.namespaces.get('a')).to.deep.equal(created.object)
    const changed = await store.namespaces.put('a', () => NOTHING, { ifMatch: 1 })
    expect(changed.object).to.include({ resourceVersion: 2, createdAt: created.object.createdAt })
    expect(await refusalOf(store.namespaces.put('a', () => NOTHING, { ifMatch: 1 }))).to.include({ code: 'CONFLICT' })
    expect(await refusalOf(store.namespaces.delete('a', { ifMatch: 1 }))).to.include({ code: 'CONFLICT' })
    expect((await store.namespaces.delete('a', { ifMatch: 2 }))?.name).to.equal('a')
    expect(await store.namespaces.delete('a')).to.equal(undefined)
    expect(await names()).to.deep.equal(['openfaas-fn'])
  })

  it('takes nothing into a namespace that is not there, but what comes from what runs already', async () => {
    const refused = [await refusalOf(put('a', 'x')), await refusalOf(putSecret('a', true))]
    for (const err of refused) expect(err).to.include({ code: 'INVALID' }).and.property('message').includes('create it')
    expect(await names()).to.deep.equal(['openfaas-fn'])
    await store.functions.put('a/x', () => ({ ...aDraft('x'), namespace: 'a' }))
    await putSecret('b', false)
    expect(await names()).to.deep.equal(['a', 'b', 'openfaas-fn'])
  })

  it('lets a namespace go only when it is empty, and says of what it is not', async () => {
    await store.namespaces.put('a', () => NOTHING)
    const { object } = await put('a', 'x')
    await put('a', 'y')
    await store.functions.markDeleted('a/x')
    await putSecret('a', true)
    const call = { ...{ id: 'c', namespace: 'a', name: 'y', method: 'POST', path: '/', now: 1 }, ...EMPTY_CALL }
    await store.invocations.accept(call)
    const err = await refusalOf(store.namespaces.delete('a'))
    expect(err).to.include({ code: 'NAMESPACE_NOT_EMPTY', status: 409 })
    expect(err.message).to.include(
      '1 function, 1 function still being deleted, 1 secret, 1 asynchronous call not done with'
    )
    await store.functions.remove('a/x', object.metadata.uid)
    const y = await store.functions.markDeleted('a/y')
    await store.secrets.delete('a/key')
    await store.invocations.cancel('c', new Set(['a']), 2)
    expect((await refusalOf(store.namespaces.delete('a'))).message).to.include('has 1 function still being deleted;')
    await store.functions.remove('a/y', y?.metadata.uid ?? '')
    expect((await store.namespaces.delete('a'))?.name).to.equal('a')
  })

  it('begins a namespace without what came after an earlier one of its name was gone', async () => {
    await store.namespaces.put('a', () => NOTHING)
    const call = { namespace: 'a', name: 'x', method: 'POST', path: '/', now: 1, ...EMPTY_CALL }
    await store.invocations.accept({ ...call, id: 'dead' })
    const claim = { namespace: 'a', name: 'x', phase: 'queued', limit: 1, owner: 'me', now: 1, leaseUntil: 2 } as const
    const [{ seq } = { seq: 0 }] = (await store.invocations.claim(claim)).claimed
    const result = { head: [], body: Buffer.from('of the earlier one') }
    const settlement = { kind: 'end', reason: 'AttemptsExhausted', status: 500, durationMs: 1, result } as const
    expect(await store.invocations.settle(seq, 'me', settlement, 2)).to.equal('dead')
    // As when the process is killed here, before it comes to the dead letters.
    await store.namespaces.delete('a')
    const late = { namespace: 'a', name: 'x', uid: 'u', type: 'Normal', reason: 'Deleted', message: 'm' } as const
    await store.events.record(late)
    await store.events.record({ ...late, namespace: 'openfaas-fn', uid: 'v' })
    await store.namespaces.put('a', () => NOTHING, { dryRun: true })
    expect(await store.invocations.get('dead'), 'a dry run removes nothing').not.to.equal(undefined)
    await store.namespaces.put('a', () => NOTHING)
    expect(await store.invocations.get('dead')).to.equal(undefined)
    expect((await store.events.list()).map(({ namespace }) => namespace)).to.deep.equal(['openfaas-fn'])
    await store.events.record({ ...late, uid: 'w' })
    const ofA = { namespaces: new Set(['a']) }
    for await (const { uid } of store.events.watch(0, ofA, new AbortController().signal)) {
      expect(uid).to.equal('w')
      break
    }
  })

  it('decides between a function that comes and its namespace that goes: one of them is refused', async () => {
    for (let round = 0; round < 20; round++) {
      const namespace = `n${round}`
      await store.namespaces.put(namespace, () => NOTHING)
      const both = [put(namespace, 'x'), store.namespaces.delete(namespace)] as const
      const ended = await Promise.allSettled(round % 2 === 0 ? both : [...both].reverse())
      expect(ended.filter(({ status }) => status === 'fulfilled')).to.have.length(1)
      const isThere = (await store.functions.get(`${namespace}/x`)) !== undefined
      expect((await store.namespaces.get(namespace)) !== undefined).to.equal(isThere)
    }
  })

  it('decides between a token that comes and its namespace that goes, too', async () => {
    const token = (name: string, namespace: string) =>
      store.tokens.create(
        {
          ...{ id: name, kind: 'token', name, digest: 'd', scopes: ['read'], namespaces: [namespace] },
          ...{ createdAt: '2026-01-01T00:00:00.000Z', createdBy: 'test' }
        },
        { needsNamespaces: true }
      )
    const outcomes = async (...work: Promise<unknown>[]) =>
      (await Promise.allSettled(work)).map(({ status }) => status === 'fulfilled')
    for (const name of ['a', 'b']) await store.namespaces.put(name, () => NOTHING)
    expect(await outcomes(store.namespaces.delete('a'), token('late', 'a'))).to.deep.equal([true, false])
    expect(await outcomes(token('early', 'b'), store.namespaces.delete('b'))).to.deep.equal([true, false])
  })

  it('keeps secrets of one name in two namespaces apart, and opens neither as the other', async () => {
    for (const namespace of ['a', 'b']) {
      await store.secrets.put(`${namespace}/key`, Buffer.from(`of ${namespace}`))
    }
    const [ofA] = await store.secrets.list({ namespaces: new Set(['a']) })
    const ofB = await store.secrets.get('b/key')
    if (ofA === undefined || ofB === undefined) throw new Error('they were written down')
    expect([ofA.namespace, ofB.namespace]).to.deep.equal(['a', 'b'])
    expect([ofA, ofB].map(({ uid }) => uid)).to.have.lengthOf(new Set([ofA.uid, ofB.uid]).size)
    expect(String(await store.secrets.reveal(ofA))).to.equal('of a')
    expect(String(await store.secrets.reveal(ofB))).to.equal('of b')
    expect(await store.secrets.reveal({ ...ofB, namespace: 'a' })).to.equal(undefined)
    await store.secrets.delete('a/key')
    expect(await store.secrets.list({ namespaces: new Set(['a']) })).to.deep.equal([])
    expect(String(await store.secrets.reveal(ofB))).to.equal('of b')
  })

  it('holds functions, replicas and memory to the quota, and says what is used, asked for and helps', async () => {
    await withQuota({ functions: '2', replicas: '5', memory: '512Mi' })
    await put('a', 'x', { replicas: 2, limits: { memory: '128Mi' } })
    await put('openfaas-fn', 'elsewhere', { replicas: 9, limits: { memory: '8Gi' } })
    const refused = await refusalOf(put('a', 'y', { replicas: 4, limits: { memory: '100Mi' } }))
    expect(refused).to.include({ code: 'QUOTA_EXCEEDED', status: 403 })
    expect(refused.message).to.equal(
      'the quota of namespace a has no room: replicas: 5 allowed, 2 used, 4 more asked for; ask for fewer, scale others down, ' +
        'or raise the annotation com.docker-faas.quota.replicas of the namespace; memory: 512Mi allowed, 256Mi used, 400Mi ' +
        'more asked for (100Mi for each of 4 replicas); lower limits.memory or the number of replicas, or raise the ' +
        'annotation com.docker-faas.quota.memory of the namespace'
    )
    expect((await refusalOf(put('a', 'y'))).message).to.include('needs limits.memory')
    await put('a', 'y', { replicas: 2, limits: { memory: '128Mi' } })
    expect((await refusalOf(put('a', 'z', { limits: { memory: '8Mi' } }))).message).to.include('functions: 2 allowed')
    expect((await refusalOf(put('a', 'x', { replicas: 3, limits: { memory: '128Mi' } }))).message).to.include('memory')
    expect((await store.namespaces.usage()).get('a')).to.deep.equal({
      ...{ functions: 2, replicas: 4, memoryBytes: 512 * MIB, withoutMemoryLimit: 0 }
    })
    await put('a', 'x', { replicas: 1, limits: { memory: '256Mi' } })
  })

  it('changes nothing of what is there when a quota comes below it, and takes what asks for no more', async () => {
    await put('openfaas-fn', 'x')
    await store.namespaces.put('a', () => NOTHING)
    await put('a', 'x', { replicas: 4 })
    await put('a', 'small', { limits: { memory: '1Mi' } })
    await withQuota({ functions: '1', replicas: '2', memory: '1Mi' })
    expect((await put('a', 'x', { replicas: 4, env: { A: '1' } })).outcome).to.equal('changed')
    expect((await put('a', 'x', { replicas: 3 })).outcome).to.equal('changed')
    expect((await refusalOf(put('a', 'x', { replicas: 4 }))).message).to.include('replicas: 2 allowed, 4 used, 1 more')
    expect((await store.namespaces.usage(new Set(['a']))).get('a')).to.deep.equal({
      // The engine gives no replica less than 6 MiB.
      ...{ functions: 2, replicas: 4, memoryBytes: 6 * MIB, withoutMemoryLimit: 1 }
    })
  })

  it('counts the default of the operator for a function that names no limit', async () => {
    await store.close()
    store = await open({ memoryDefaultBytes: 64 * MIB })
    await withQuota({ memory: '128Mi' })
    await put('a', 'x', { replicas: 2 })
    expect((await refusalOf(put('a', 'y'))).message).to.include('128Mi used, 64Mi more asked for')
  })

  it('gives no more together to those that come at once', async () => {
    await withQuota({ functions: '3', replicas: '3' })
    const ended = await Promise.allSettled(Array.from({ length: 9 }, (_, n) => put('a', `f${n}`)))
    expect(ended.filter(({ status }) => status === 'fulfilled')).to.have.length(3)
    expect((await store.namespaces.usage()).get('a')?.functions).to.equal(3)
  })

  it('tells whoever scales how much is left, in the transaction', async () => {
    await withQuota({ replicas: '6', memory: '640Mi' })
    const { object } = await put('a', 'x', { limits: { memory: '128Mi' } })
    const other = await put('a', 'y', { replicas: 2, limits: { memory: '100Mi' } })
    const mostOf = async ({ metadata: { name, uid } }: typeof object) => {
      let told = Number.NaN
      await store.functions.putScale(`a/${name}`, uid, (_current, most) => {
        told = most
        return undefined
      })
      return told
    }
    expect([await mostOf(object), await mostOf(other.object)]).to.deep.equal([3, 5])
    await withQuota({ replicas: '1' })
    expect([await mostOf(object), await mostOf(other.object)]).to.deep.equal([1, 2])
    await withQuota({})
    expect(await mostOf(object)).to.equal(Number.POSITIVE_INFINITY)
  })

  it('comes out of an older database with all that anything named, and keeps labels and quotas over a way down and up', async () => {
    await store.functions.put('team-a/x', () => ({ ...aDraft('x'), namespace: 'team-a' }))
    await putSecret('team-b', false)
    const token = { id: 't', kind: 'token', name: 't', digest: 'd', scopes: ['read'], namespaces: ['team-c'] } as const
    await store.tokens.create({ ...token, createdAt: '2026-01-02T03:04:05.678Z', createdBy: 'admin' })
    await withQuota({ replicas: '7' })
    await store.close()
    await migrateDown(scratch.path, 13)
    withSqlite(scratch.path, db => db.exec("DELETE FROM rollback_namespaces WHERE name <> 'a'"))
    store = await open()
    expect(await names()).to.deep.equal(['a', 'openfaas-fn', 'team-a', 'team-b', 'team-c'])
    expect((await store.namespaces.get('a'))?.annotations).to.deep.equal({ [QUOTA_ANNOTATIONS.replicas]: '7' })
    const { createdAt } = (await store.namespaces.get('team-a')) ?? { createdAt: '' }
    expect(new Date(createdAt).toISOString()).to.equal(createdAt)
  })

  it('comes back with what is adopted after a database was lost, and no quota refuses that', async () => {
    const { object } = await store.functions.put('lost/x', () => ({
      ...aDraft('x', { replicas: 4 }),
      namespace: 'lost'
    }))
    await store.close()
    await using own = await Scratch.create()
    store = await openStore({ path: own.path, clock })
    await withQuota({ replicas: '1', functions: '0' })
    const bounded = { ...object, metadata: { ...object.metadata, namespace: 'a', uid: 'u' } }
    const decision = { decided: ['lost/x', 'a/x'], discarded: [], isFinal: true }
    await store.adoption.decide({ ...decision, functions: [{ object }, { object: bounded }] })
    expect(await names()).to.deep.equal(['a', 'lost', 'openfaas-fn'])
    expect((await store.namespaces.usage()).get('a')?.replicas).to.equal(4)
    await store.close()
    store = await open()
  })

  it('has the namespaces of the older program', async () => {
    await using own = await Scratch.create()
    await load('v2.1', own.path)
    await using old = await openStore({ path: own.path, clock })
    const wanted = new Set((await old.functions.list()).map(({ metadata }) => metadata.namespace))
    expect((await old.namespaces.list()).map(({ name }) => name)).to.include.members([...wanted])
  })

  const putSecret = (namespace: string, needsNamespace: boolean) =>
    store.secrets.put(`${namespace}/key`, Buffer.from('value'), { needsNamespace })
})

const EMPTY_CALL = { headers: [], body: Buffer.alloc(0) }
