import { expect } from 'chai'
import { MIGRATION_NOTE } from '../../migrations/legacy-function.ts'
import { migrateDown, migrationStatus } from '../../src/store/migrator.ts'
import { openStore } from '../../src/store/open.ts'
import { aDraft, load, Scratch, schemaOf, TestClock } from '../fixtures/db/files.ts'
import { LOG_LATEST, migrationLog } from '../fixtures/db/migration-log.ts'

const FN = 'openfaas-fn'

describe('store: migrations', () => {
  let scratch: Scratch
  let path: string
  const clock = new TestClock()
  const open = () => openStore({ path, clock })
  const list = async () => {
    await using store = await open()
    return await store.functions.list()
  }
  beforeEach(async () => {
    scratch = await Scratch.create()
    path = scratch.path
  })
  afterEach(() => scratch[Symbol.asyncDispose]())

  it('ends at the same schema from every start, also after a round trip', async () => {
    const schemaWhenOpened = async (file: string, isFresh: boolean) => {
      await using store = await openStore({ path: file, clock })
      expect(store.isFresh).to.equal(isFresh)
      await store.close()
      expect(migrationLog(file)).to.deep.equal(LOG_LATEST)
      return schemaOf(file)
    }
    const schemasFrom = async (start: string | undefined) => {
      await using own = await Scratch.create()
      if (start !== undefined) await load(start, own.path)
      const first = await schemaWhenOpened(own.path, start === undefined)
      for (const to of [3, 2, 1, 0]) await migrateDown(own.path, to)
      return [first, await schemaWhenOpened(own.path, false)]
    }
    const [expected] = await schemasFrom(undefined)
    expect(expected).to.have.length.greaterThan(8)
    for (const start of ['v1.0', 'v2.1', 'lost-keys', undefined]) {
      expect(await schemasFrom(start), start).to.deep.equal([expected, expected])
    }
  })

  it('keeps every column of a full row of v1.0', async () => {
    await load('v1.0', path)
    const full = (await list()).find(({ metadata }) => metadata.name === 'full')
    expect(full?.metadata).to.deep.include({
      namespace: FN,
      generation: 1,
      labels: { team: 'a', 'com.openfaas.scale.max': '4' },
      annotations: {},
      createdAt: '2024-05-01T12:00:00.123456789Z',
      updatedAt: '2024-06-01T12:00:00.000Z'
    })
    expect(full?.metadata.uid).to.match(/^[0-9a-f-]{36}$/)
    expect(full?.status.observedGeneration).to.equal(0)
    expect(full?.spec).to.deep.equal({
      image: 'ghcr.io/example/full:1.2',
      replicas: 4,
      envProcess: 'python handler.py',
      env: { GREETING: 'it\'s "me"', EMPTY: '' },
      secrets: ['db-password', 'api-key'],
      limits: { memory: '128Mi', cpu: '500m' },
      requests: { memory: '64Mi' },
      readOnlyRootFilesystem: true,
      debug: false,
      network: 'docker-faas-net-full',
      constraints: [],
      probes: {}
    })
  })

  it('keeps every column of a full row of v2.1, and the times at which its migrations were applied', async () => {
    await load('v2.1', path)
    const [fn] = await list()
    expect(fn?.spec).to.deep.include({
      image: 'alpine:3.20',
      replicas: 2,
      envProcess: 'node index.js',
      env: { A: '1' },
      secrets: ['s1'],
      limits: { memory: '256m', cpu: '0.5' },
      requests: { cpu: '100m' },
      readOnlyRootFilesystem: true,
      debug: true,
      network: 'docker-faas-net-debug-test'
    })
    expect(fn?.metadata).to.deep.include({
      createdAt: '2025-03-01T10:00:00.000000001Z',
      updatedAt: '2025-03-02T10:00:00.25Z'
    })
    expect((await migrationStatus(path)).map(({ appliedAt }) => appliedAt).slice(0, 2)).to.deep.equal([
      '2025-01-01T00:00:00.000Z',
      '2025-02-02T00:00:00.000Z'
    ])
  })

  it('reads NULL, empty and JSON null columns as nothing, and every form of time', async () => {
    await load('v1.0', path)
    const all = await list()
    for (const name of ['nulls', 'empties', 'json-nulls']) {
      const fn = all.find(({ metadata }) => metadata.name === name)
      expect(fn?.spec, name).to.deep.include({ image: 'alpine', env: {}, secrets: [], limits: {}, requests: {} })
      expect(fn?.metadata, name).to.deep.include({ labels: {}, annotations: {} })
      expect(fn?.metadata.createdAt.slice(0, 19), name).to.equal('2024-05-01T12:00:00')
    }
    expect(all.find(({ metadata }) => metadata.name === 'empties')?.spec.replicas).to.equal(0)
  })

  it('keeps every name, so that its URL and its containers keep theirs', async () => {
    await load('v1.0', path)
    const keys = (await list()).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)
    expect(keys).to.have.members([
      `${FN}/full`,
      `${FN}/nulls`,
      `${FN}/empties`,
      `${FN}/json-nulls`,
      `${FN}/Under_Score-UPPER`,
      'team-a/api',
      'b.c/a',
      `${FN}/ends.`,
      `${FN}/full.openfaas-fn`,
      `${FN}/damaged`
    ])
  })

  it('loses neither a row nor a text to damaged columns', async () => {
    await load('v1.0', path)
    const damaged = (await list()).find(({ metadata }) => metadata.name === 'damaged')
    expect(damaged?.spec).to.deep.include({
      env: {},
      secrets: [],
      limits: {},
      requests: { memory: '1Gi' },
      replicas: 2
    })
    expect(damaged?.metadata.labels).to.deep.equal({ ok: 'yes', n: '5' })
    expect(JSON.parse(damaged?.metadata.annotations[MIGRATION_NOTE] ?? '')).to.deep.equal({
      env_vars: '{"A":"1","B":',
      labels: '{"ok":"yes","n":5,"list":[1]}',
      secrets: '"one"',
      limits: '[1]',
      requests: '{"memory":"1Gi","gpu":"1"}',
      updated_at: 'yesterday'
    })
  })

  it('keeps the rows of a file whose rollback lost its keys: those without id, and those of a name that is there twice', async () => {
    await load('lost-keys', path)
    const all = await list()
    expect(all.map(({ metadata, spec }) => `${metadata.name} ${spec.image}`)).to.deep.equal([
      'first alpine:1',
      'without-id alpine:2'
    ])
    expect(all[0]?.metadata.annotations[MIGRATION_NOTE]).to.include('alpine:3')
  })

  it('remembers which functions came from the older program, and that no other did', async () => {
    {
      await using fresh = await open()
      await fresh.functions.put(`${FN}/own`, () => aDraft('own'))
      expect(fresh.inheritedUids).to.deep.equal(new Set())
    }
    await using old = await Scratch.create()
    await load('v2.1', old.path)
    const uids = async () => {
      await using store = await openStore({ path: old.path, clock })
      const functions = await store.functions.list()
      const inherited = functions.filter(({ metadata }) => store.inheritedUids.has(metadata.uid))
      return { size: store.inheritedUids.size, names: inherited.map(({ metadata }) => metadata.name).sort() }
    }
    expect(await uids()).to.deep.equal({ size: 2, names: ['debug-test', 'plain'] })
    {
      await using store = await openStore({ path: old.path, clock })
      await store.functions.put(`${FN}/later`, () => aDraft('later'))
    }
    expect((await uids()).names).to.deep.equal(['debug-test', 'plain'])
    // The older program may have run what it found: whatever it knew is its own again.
    await migrateDown(old.path, 2)
    expect((await uids()).names).to.deep.equal(['debug-test', 'later', 'plain'])
  })

  it('gives a migrated function its first revision', async () => {
    await load('v2.1', path)
    await using store = await open()
    const [fn] = await store.functions.list()
    expect(await store.functions.revisions(`${FN}/debug-test`)).to.deep.equal([
      { revision: 1, labels: { team: 'b' }, annotations: {}, spec: fn?.spec, createdAt: '2025-03-02T10:00:00.25Z' }
    ])
  })
})
