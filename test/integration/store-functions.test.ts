import { stat } from 'node:fs/promises'
import { expect } from 'chai'
import { ConflictError, NotFoundError } from '../../api/errors.ts'
import { type FunctionObject, type FunctionScale, type FunctionStatus, INITIAL_STATUS } from '../../api/function.ts'
import { openStore, type Store } from '../../src/store/open.ts'
import type { Change } from '../../src/store/store.ts'
import { aDraft, rows, Scratch, TestClock, withSqlite } from '../fixtures/db/files.ts'

const KEY = 'openfaas-fn/echo'
const statusOf = (replicas: number, rest: Partial<FunctionStatus> = {}): FunctionStatus => ({
  ...INITIAL_STATUS,
  replicas,
  ...rest
})
const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (err: unknown) => err
  )

describe('store: functions', () => {
  let scratch: Scratch
  let store: Store
  let clock: TestClock
  let changes: Change[]
  const put = async (replicas = 1): Promise<FunctionObject> =>
    (await store.functions.put(KEY, () => aDraft('echo', { replicas }))).object
  const seen = () =>
    changes.map(({ type, object }) => `${type} ${object.metadata.name} ${object.metadata.resourceVersion}`)
  beforeEach(async () => {
    scratch = await Scratch.create()
    clock = new TestClock()
    changes = []
    store = await openStore({ path: scratch.path, clock })
    store.functions.onChange(change => changes.push(change))
  })
  afterEach(async () => {
    await store.close()
    await scratch[Symbol.asyncDispose]()
  })

  it('creates an object with identity, and reads it back as given', async () => {
    const draft = aDraft(
      'echo',
      { env: { A: "it's ? \\? ?? é\u0000" }, network: 'n' },
      { labels: { l: 'v' }, annotations: { a: '' } }
    )
    const { outcome, object } = await store.functions.put(KEY, current => {
      expect(current).to.equal(undefined)
      return draft
    })
    expect(outcome).to.equal('created')
    const now = '2026-01-02T03:04:05.678Z'
    const { uid, ...metadata } = object.metadata
    expect(uid).to.match(/^[0-9a-f-]{36}$/)
    expect(metadata).to.deep.equal({
      name: 'echo',
      namespace: 'openfaas-fn',
      generation: 1,
      resourceVersion: 1,
      labels: { l: 'v' },
      annotations: { a: '' },
      createdAt: now,
      updatedAt: now
    })
    expect(object.spec).to.deep.equal(draft.spec)
    expect(object.status).to.deep.equal(INITIAL_STATUS)
    expect(await store.functions.get(KEY)).to.deep.equal(object)
    expect(seen()).to.deep.equal(['ADDED echo 1'])
  })

  it('counts the generation only when spec, labels or annotations really differ', async () => {
    const base = aDraft('echo', { env: { A: '1', B: '2' } }, { labels: { x: '1', y: '2' } })
    await store.functions.put(KEY, () => base)
    clock.advance(5000)
    const steps = [
      { ...base, spec: { ...base.spec, env: { B: '2', A: '1' } }, labels: { y: '2', x: '1' } },
      { ...base, spec: { ...base.spec, network: undefined } as unknown as typeof base.spec },
      { ...base, spec: { ...base.spec, replicas: 2 } },
      { ...base, spec: { ...base.spec, replicas: 2 }, labels: { x: '1' } },
      { ...base, spec: { ...base.spec, replicas: 2 }, labels: { x: '1' }, annotations: { n: '1' } }
    ]
    const results = []
    for (const draft of steps) {
      const { outcome, object } = await store.functions.put(KEY, () => draft)
      results.push(`${outcome} ${object.metadata.generation} ${object.metadata.resourceVersion}`)
    }
    expect(results).to.deep.equal(['unchanged 1 1', 'unchanged 1 1', 'changed 2 2', 'changed 3 3', 'changed 4 4'])
    const { metadata } = (await store.functions.get(KEY)) ?? (await put())
    expect(metadata).to.deep.include({ createdAt: '2026-01-02T03:04:05.678Z', updatedAt: '2026-01-02T03:04:10.678Z' })
  })

  it('writes nothing at all for an unchanged put, a dry run, a refused one and an equal status', async () => {
    const object = await put()
    await store.functions.putStatus(KEY, object.metadata.uid, statusOf(1, { lastReconciledAt: '2026-01-01T00:00:00Z' }))
    const files = async () =>
      Promise.all(
        [scratch.path, `${scratch.path}-wal`].map(async file => {
          const { size, mtimeNs } = await stat(file, { bigint: true })
          return [size, mtimeNs]
        })
      )
    const [before, version] = [await files(), store.functions.resourceVersion()]
    await put()
    await store.functions.put(KEY, () => aDraft('echo', { replicas: 9 }), { dryRun: true })
    await store.functions.put('openfaas-fn/new', () => aDraft('new'), { dryRun: true })
    await store.functions.markDeleted(KEY, { dryRun: true })
    await failureOf(
      store.functions.put(KEY, () => {
        throw new NotFoundError('function', KEY)
      })
    )
    const same = await store.functions.putStatus(
      KEY,
      object.metadata.uid,
      statusOf(1, { lastReconciledAt: '2026-09-09T00:00:00Z' })
    )
    expect(same?.status.lastReconciledAt).to.equal('2026-01-01T00:00:00Z')
    await store.functions.putStatus(KEY, 'another-uid', statusOf(7))
    expect(await files()).to.deep.equal(before)
    expect(store.functions.resourceVersion()).to.equal(version)
    expect(seen()).to.deep.equal(['ADDED echo 1', 'MODIFIED echo 2'])
  })

  it('writes what the autoscaler decides: a generation for another number, none for the rest, and nothing twice', async () => {
    const { uid } = (await put()).metadata
    const decide = (replicas: number, scale?: FunctionScale) =>
      store.functions.putScale(KEY, uid, () => ({ replicas, ...(scale === undefined ? {} : { scale }) }))
    const frozen = { frozenSince: '2026-01-02T03:04:05.678Z' }
    const results = [
      await decide(4),
      await decide(4),
      await decide(4, frozen),
      await decide(4, frozen),
      await decide(4),
      await store.functions.putScale(KEY, uid, () => undefined)
    ].map(object => `${object?.metadata.generation} ${object?.metadata.resourceVersion} ${object?.scale?.frozenSince}`)
    expect(results).to.deep.equal([
      '2 2 undefined',
      '2 2 undefined',
      `2 3 ${frozen.frozenSince}`,
      `2 3 ${frozen.frozenSince}`,
      '2 4 undefined',
      '2 4 undefined'
    ])
    expect(await store.functions.putScale(KEY, 'another-uid', () => ({ replicas: 9 }))).to.equal(undefined)
    await store.functions.markDeleted(KEY)
    expect(await decide(9)).to.equal(undefined)
  })

  it('forgets what a person or the autoscaler decided with the next deployment, which is no new generation for that', async () => {
    const object = await put()
    const pinned = { ...aDraft('echo'), scale: { pinned: true } }
    const outcomes = [
      await store.functions.put(KEY, () => pinned),
      await store.functions.put(KEY, () => pinned),
      await store.functions.put(KEY, () => aDraft('echo')),
      await store.functions.put(KEY, () => aDraft('echo'))
    ].map(({ outcome, object: { scale, metadata } }) => [outcome, scale, metadata.generation])
    const { generation } = object.metadata
    expect(outcomes).to.deep.equal([
      ['changed', { pinned: true }, generation],
      ['unchanged', { pinned: true }, generation],
      ['changed', undefined, generation],
      ['unchanged', undefined, generation]
    ])
  })

  it('gives with a dry run what the write then gives', async () => {
    const created = await store.functions.put(KEY, () => aDraft('echo'), { dryRun: true })
    const same = ({ metadata: { uid: _, ...metadata }, ...rest }: FunctionObject) => ({ metadata, ...rest })
    expect(await store.functions.get(KEY)).to.equal(undefined)
    const real = await store.functions.put(KEY, () => aDraft('echo'))
    expect(same(created.object)).to.deep.equal(same(real.object))
    const draft = () => aDraft('echo', { replicas: 3 })
    const changed = await store.functions.put(KEY, draft, { dryRun: true })
    expect(changed).to.deep.equal(await store.functions.put(KEY, draft))
    const marked = await store.functions.markDeleted(KEY, { dryRun: true })
    expect(marked).to.deep.equal(await store.functions.markDeleted(KEY))
    const replaced = await store.functions.put(KEY, draft, { dryRun: true })
    expect((await store.functions.get(KEY))?.metadata.deletionRequestedAt).to.be.a('string')
    expect(same(replaced.object)).to.deep.equal(same((await store.functions.put(KEY, draft)).object))
  })

  it('refuses a stale ifMatch, and one for an object that is not there', async () => {
    await put()
    expect(
      await failureOf(store.functions.put(KEY, () => aDraft('echo', { replicas: 2 }), { ifMatch: 7 }))
    ).to.be.instanceOf(ConflictError)
    expect(await failureOf(store.functions.markDeleted(KEY, { ifMatch: 7 }))).to.be.instanceOf(ConflictError)
    expect(await failureOf(store.functions.put('openfaas-fn/no', () => aDraft('no'), { ifMatch: 1 }))).to.be.instanceOf(
      ConflictError
    )
    expect((await store.functions.put(KEY, () => aDraft('echo', { replicas: 2 }), { ifMatch: 1 })).outcome).to.equal(
      'changed'
    )
  })

  it('passes on what the change throws, and refuses a draft of another name', async () => {
    const refusal = new NotFoundError('function', KEY)
    expect(
      await failureOf(
        store.functions.put(KEY, () => {
          throw refusal
        })
      )
    ).to.equal(refusal)
    expect(await failureOf(store.functions.put(KEY, () => aDraft('other')))).to.be.instanceOf(Error)
    expect(await store.functions.list()).to.deep.equal([])
  })

  it('deletes in two steps: asked for, then removed by uid', async () => {
    const { metadata } = await put()
    await store.functions.remove(KEY, metadata.uid)
    expect(await store.functions.get(KEY), 'nobody asked').not.to.equal(undefined)
    clock.advance(1000)
    const marked = await store.functions.markDeleted(KEY)
    expect(marked?.metadata).to.deep.include({
      generation: 1,
      resourceVersion: 2,
      deletionRequestedAt: '2026-01-02T03:04:06.678Z'
    })
    expect(await store.functions.markDeleted(KEY)).to.equal(undefined)
    expect(await store.functions.markDeleted('openfaas-fn/none')).to.equal(undefined)
    expect(await store.functions.get(KEY)).to.deep.equal(marked)
    await store.functions.remove(KEY, 'another-uid')
    expect(await store.functions.get(KEY)).not.to.equal(undefined)
    await store.functions.remove(KEY, metadata.uid)
    expect(await store.functions.get(KEY)).to.equal(undefined)
    expect(await store.functions.revisions(KEY)).to.deep.equal([])
    expect(seen()).to.deep.equal(['ADDED echo 1', 'MODIFIED echo 2', 'DELETED echo 3'])
  })

  it('puts a new object in the place of one that is being deleted', async () => {
    const old = await put()
    await store.functions.markDeleted(KEY)
    clock.advance(1000)
    const { outcome, object } = await store.functions.put(KEY, current => {
      expect(current).to.equal(undefined)
      return aDraft('echo')
    })
    expect(outcome).to.equal('created')
    expect(object.metadata.uid).not.to.equal(old.metadata.uid)
    expect(object.metadata).to.deep.include({ generation: 1, createdAt: '2026-01-02T03:04:06.678Z' })
    expect(object.metadata).not.to.have.property('deletionRequestedAt')
    expect(seen().slice(2)).to.deep.equal(['DELETED echo 3', 'ADDED echo 4'])
    expect(changes[2]?.object.metadata.uid).to.equal(old.metadata.uid)
    expect(await store.functions.putStatus(KEY, old.metadata.uid, statusOf(1))).to.equal(undefined)
  })

  it('writes status alone, for that uid alone', async () => {
    const { metadata, spec } = await put()
    clock.advance(1000)
    const status = statusOf(2, {
      conditions: [{ type: 'Ready', status: 'True', reason: 'ReplicasReady', message: "it's", lastTransitionTime: 'x' }]
    })
    const after = await store.functions.putStatus(KEY, metadata.uid, status)
    expect(after).to.deep.equal({ metadata: { ...metadata, resourceVersion: 2 }, spec, status })
    expect(await store.functions.get(KEY)).to.deep.equal(after)
  })

  it('lists by namespace and name, and by labels', async () => {
    for (const [namespace, name, team] of [
      ['b', 'z', '1'],
      ['b', 'a', '2'],
      ['a', 'q', '1'],
      ['openfaas-fn', 'Z', '1']
    ] as const) {
      await store.functions.put(`${namespace}/${name}`, () =>
        aDraft(name, {}, { namespace, labels: { team, all: 'x' } })
      )
    }
    const keys = async (...options: Parameters<typeof store.functions.list>) =>
      (await store.functions.list(...options)).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)
    expect(await keys()).to.deep.equal(['a/q', 'b/a', 'b/z', 'openfaas-fn/Z'])
    expect(await keys({ namespaces: new Set(['b']) })).to.deep.equal(['b/a', 'b/z'])
    expect(await keys({ labels: { team: '1', all: 'x' } })).to.deep.equal(['a/q', 'b/z', 'openfaas-fn/Z'])
    expect(await keys({ namespaces: new Set(['b']), labels: { team: '3' } })).to.deep.equal([])
    expect(await store.functions.get('b/no\u0000thing')).to.equal(undefined)
    expect(await keys({ namespaces: new Set(["b' OR 1=1 --\u0000"]) })).to.deep.equal([])
  })

  it('keeps the newest ten revisions, and makes none for replicas alone', async () => {
    for (let i = 1; i <= 12; i++) {
      await store.functions.put(KEY, () => aDraft('echo', { image: `alpine:${i}`, replicas: 1 }))
      await store.functions.put(KEY, () => aDraft('echo', { image: `alpine:${i}`, replicas: 2 }))
    }
    await store.functions.put(KEY, () =>
      aDraft('echo', { image: 'alpine:12', replicas: 2 }, { annotations: { why: 'note' } })
    )
    const revisions = await store.functions.revisions(KEY)
    expect(revisions.map(({ revision, spec }) => `${revision} ${spec.image}`)).to.deep.equal([
      '25 alpine:12',
      '23 alpine:12',
      '21 alpine:11',
      '19 alpine:10',
      '17 alpine:9',
      '15 alpine:8',
      '13 alpine:7',
      '11 alpine:6',
      '9 alpine:5',
      '7 alpine:4'
    ])
    expect(revisions[0]?.annotations).to.deep.equal({ why: 'note' })
  })

  it('fills in fields that an older release did not know, and reads what today would be refused', async () => {
    await put()
    await store.close()
    withSqlite(scratch.path, db => {
      db.exec(
        `UPDATE functions SET status = '{}', spec = '{"image":"NOT an image!","replicas":2,"secrets":["../x"],"limits":{"memory":"lots"}}'`
      )
    })
    store = await openStore({ path: scratch.path, clock })
    const fn = await store.functions.get(KEY)
    expect(fn?.spec).to.deep.equal({
      image: 'NOT an image!',
      replicas: 2,
      envProcess: '',
      env: {},
      secrets: ['../x'],
      limits: { memory: 'lots' },
      requests: {},
      readOnlyRootFilesystem: false,
      debug: false,
      constraints: [],
      probes: {}
    })
    expect(fn?.status).to.deep.equal(INITIAL_STATUS)
    expect((await store.functions.putStatus(KEY, fn?.metadata.uid ?? '', statusOf(1)))?.spec).to.deep.equal(fn?.spec)
  })

  it('keeps 200 concurrent puts, deletions and statuses apart', async () => {
    const { metadata } = await put()
    const work = Array.from({ length: 200 }, (_, i) => {
      if (i % 4 === 0) return store.functions.putStatus(KEY, metadata.uid, statusOf(i + 1))
      if (i % 4 === 1)
        return store.functions.put(KEY, current => aDraft('echo', { replicas: (current?.spec.replicas ?? 0) + 1 }))
      if (i % 4 === 2) return store.functions.put(`openfaas-fn/fn-${i}`, () => aDraft(`fn-${i}`))
      return failureOf(
        store.functions.put(KEY, () => {
          throw new Error('refused')
        })
      )
    })
    const reads = Array.from({ length: 100 }, () => store.functions.list())
    await Promise.all([...work, ...reads])
    const echo = await store.functions.get(KEY)
    expect(echo?.spec.replicas).to.equal(51)
    expect(echo?.metadata.generation).to.equal(51)
    expect(echo?.status.replicas).to.equal(197)
    const versions = changes.map(({ object }) => object.metadata.resourceVersion)
    expect(versions).to.deep.equal(Array.from({ length: 151 }, (_, i) => i + 1))
    expect(store.functions.resourceVersion()).to.equal(151)
    await store.close()
    expect(rows(scratch.path, "SELECT value FROM meta WHERE key = 'resource_version'")).to.deep.equal([
      { value: '151' }
    ])
    store = await openStore({ path: scratch.path, clock })
    expect(store.functions.resourceVersion()).to.equal(151)
  })

  it('calls every listener after the commit, and lets none fail the write', async () => {
    const errors: unknown[] = []
    await store.close()
    store = await openStore({
      path: scratch.path,
      clock,
      log: { info: () => undefined, error: fields => errors.push(fields['err']) }
    })
    const boom = new Error('boom')
    store.functions.onChange(() => {
      throw boom
    })
    const read: Promise<FunctionObject | undefined>[] = []
    const stop = store.functions.onChange(() => read.push(store.functions.get(KEY)))
    const object = await put()
    expect(await Promise.all(read)).to.deep.equal([object])
    expect(errors).to.deep.equal([boom])
    stop()
    await put(2)
    expect(read).to.have.length(1)
  })

  it('fails calls after it is closed', async () => {
    await store.close()
    expect(await failureOf(store.functions.list())).to.be.instanceOf(Error)
    store = await openStore({ path: scratch.path, clock })
  })
})
