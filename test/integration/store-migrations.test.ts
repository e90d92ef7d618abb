import { copyFileSync } from 'node:fs'
import { chmod, readdir, readFile, stat } from 'node:fs/promises'
import { expect } from 'chai'
import fc from 'fast-check'
import { MIGRATION_NOTE } from '../../migrations/legacy-function.ts'
import { migrateDown, migrateUp, migrationStatus } from '../../src/store/migrator.ts'
import { openStore } from '../../src/store/open.ts'
import { LATEST_VERSION, MIGRATIONS } from '../../src/store/schema-migrator.ts'
import { aDraft, load, rows, Scratch, schemaOf, TestClock, withSqlite } from '../fixtures/db/files.ts'

const FN = 'openfaas-fn'
const log = (path: string) =>
  rows(path, 'SELECT * FROM schema_migrations ORDER BY version').map(row => `${row['version']}|${row['description']}|`)
const LOG_2 = ['1|Initial schema|', '2|Add debug column for v2.0|']
const LOG_LATEST = MIGRATIONS.map(({ version, description }) => `${version}|${description}|`)
/** Those after the older program's, the newest first. */
const OWN = MIGRATIONS.slice(2).map(({ version, description }) => ({ version, description }))

describe('store: migrations', () => {
  let scratch: Scratch
  let path: string
  const clock = new TestClock()
  const open = () => openStore({ path, clock })
  const list = async () => {
    await using store = await open()
    return await store.functions.list()
  }
  const everything = async () => {
    await using store = await open()
    const functions = await store.functions.list()
    const revisions = await Promise.all(
      functions.map(({ metadata }) => store.functions.revisions(`${metadata.namespace}/${metadata.name}`))
    )
    return {
      functions,
      revisions,
      events: await store.events.list(),
      bornAt: store.bornAt,
      resourceVersion: store.functions.resourceVersion()
    }
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
      expect(log(file)).to.deep.equal(LOG_LATEST)
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

  it('is a way back: down to 2 leaves what the older program needs, and up again gives back everything', async () => {
    await load('v1.0', path)
    const fresh = await (async () => {
      await using store = await open()
      for (const draft of [
        aDraft(
          'rich',
          {
            image: 'rich:1',
            replicas: 3,
            envProcess: "it's; -- ?",
            env: { A: 'ä\n"' },
            secrets: ['x'],
            limits: { memory: '1Gi' },
            requests: { cpu: '1' },
            readOnlyRootFilesystem: true,
            debug: true,
            constraints: ['node==1'],
            probes: { ready: { path: '/ok' } },
            restartedAt: '2026-01-01T00:00:00Z'
          },
          { labels: { l: 'v' }, annotations: { a: 'b' } }
        ),
        aDraft('other', {}, { namespace: 'team-b' }),
        aDraft('dying')
      ]) {
        const { object } = await store.functions.put(`${draft.namespace}/${draft.name}`, () => draft)
        await store.events.record({
          ...object.metadata,
          type: 'Normal',
          reason: 'Created',
          message: `made ${draft.name}`
        })
        await store.functions.putStatus(`${draft.namespace}/${draft.name}`, object.metadata.uid, {
          ...object.status,
          observedGeneration: 1,
          replicas: 1
        })
      }
      await store.functions.put(`${FN}/rich`, () =>
        aDraft('rich', { image: 'rich:2', network: 'mine' }, { labels: { l: 'w' } })
      )
      return await store.functions.markDeleted(`${FN}/dying`)
    })()
    expect(fresh?.metadata.deletionRequestedAt).to.be.a('string')
    const before = await everything()
    const run = await migrateDown(path, 2)
    expect(run).to.deep.include({
      from: LATEST_VERSION,
      to: 2,
      migrations: OWN.toReversed()
    })
    expect(run.backup).to.match(new RegExp(`\\.backup-v${LATEST_VERSION}-\\d{8}T\\d{9}Z$`))
    expect(log(path)).to.deep.equal(LOG_2)

    const names = rows(path, 'SELECT name FROM functions').map(row => row['name'])
    expect(names).to.include.members([
      'full',
      'api.team-a',
      'a.b.c',
      'ends.',
      'full.openfaas-fn',
      'Under_Score-UPPER',
      'rich',
      'other.team-b'
    ])
    expect(names).not.to.include('dying')
    expect(rows(path, "SELECT * FROM functions WHERE name = 'full'")).to.deep.equal([
      {
        id: 3,
        name: 'full',
        image: 'ghcr.io/example/full:1.2',
        env_process: 'python handler.py',
        env_vars: '{"EMPTY":"","GREETING":"it\'s \\"me\\""}',
        labels: '{"com.openfaas.scale.max":"4","team":"a"}',
        secrets: '["db-password","api-key"]',
        network: 'docker-faas-net-full',
        replicas: 4,
        limits: '{"cpu":"500m","memory":"128Mi"}',
        requests: '{"memory":"64Mi"}',
        read_only: 1,
        debug: 0,
        created_at: '2024-05-01 12:00:00.123456789+00:00',
        updated_at: '2024-06-01 12:00:00+00:00'
      }
    ])
    expect(rows(path, "SELECT network FROM functions WHERE name = 'other.team-b'")[0]).to.deep.equal({
      network: 'docker-faas-net-other.team-b'
    })
    for (const row of rows(path, 'SELECT * FROM functions')) expect(Object.values(row)).not.to.include(null)

    expect(await everything()).to.deep.equal(before)
  })

  it('leaves exactly the table of version 2 behind, with keys, defaults and both indexes', async () => {
    await using own = await Scratch.create()
    await load('v2.1', own.path)
    await load('v2.1', path)
    await (await open()).close()
    await migrateDown(path, 2)
    const shape = (file: string) => ({
      columns: rows(file, 'SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_info(\'functions\')'),
      indexes: rows(file, 'SELECT name, "unique", origin FROM pragma_index_list(\'functions\') ORDER BY name'),
      sequence: rows(file, "SELECT seq FROM sqlite_sequence WHERE name = 'functions'"),
      rows: rows(file, 'SELECT id, name, image, network, replicas, debug FROM functions')
    })
    expect(shape(path)).to.deep.equal(shape(own.path))
    expect(rows(path, 'PRAGMA journal_mode')).to.deep.equal([{ journal_mode: 'delete' }])
    withSqlite(path, db => {
      const insert =
        "INSERT INTO functions (name, image, network, created_at, updated_at) VALUES ('plain', 'x', 'n', 't', 't')"
      expect(() => db.exec(insert)).to.throw('UNIQUE')
    })
  })

  it('names the network of a new function after FUNCTIONS_NETWORK, as the older program with that setting does', async () => {
    const store = await open()
    await store.functions.put('openfaas-fn/new', () => aDraft('new'))
    await store.close()
    await migrateDown(path, 2, { functionsNetwork: 'mine' })
    expect(rows(path, 'SELECT name, network FROM functions')).to.deep.equal([{ name: 'new', network: 'mine-new' }])
    const again = await open()
    expect((await again.functions.get('openfaas-fn/new'))?.metadata.generation).to.equal(1)
    await again.close()
  })

  it('keeps primary key, UNIQUE and the debug flags when version 2 is rolled back, too', async () => {
    await load('v2.1', path)
    const before = await everything()
    await migrateDown(path, 1)
    expect(log(path)).to.deep.equal(['1|Initial schema|'])
    expect(rows(path, "SELECT name FROM pragma_table_info('functions') WHERE pk = 1")).to.deep.equal([{ name: 'id' }])
    expect(rows(path, 'SELECT origin FROM pragma_index_list(\'functions\') WHERE "unique" = 1')).to.deep.equal([
      { origin: 'u' }
    ])
    expect(rows(path, "SELECT name FROM pragma_table_info('functions') WHERE name = 'debug'")).to.deep.equal([])
    expect(await everything()).to.deep.equal(before)
  })

  it('takes over what the older program did in between: changed, deleted, added, deleted and added again', async () => {
    const before = await (async () => {
      await using store = await open()
      for (const name of ['kept', 'changed', 'touched', 'gone', 'again']) {
        await store.functions.put(`${FN}/${name}`, () =>
          aDraft(name, { probes: { ready: { path: '/r' } } }, { annotations: { a: name } })
        )
      }
      return Object.fromEntries((await store.functions.list()).map(fn => [fn.metadata.name, fn]))
    })()
    await migrateDown(path, 2)
    const insert = (name: string) =>
      `INSERT INTO functions (name, image, env_process, env_vars, labels, secrets, network, replicas, limits, requests, read_only, debug, created_at, updated_at)
       VALUES ('${name}', 'new:1', '', '', '', '', 'n', 1, '', '', 0, 0, '2026-02-02 00:00:00+00:00', '2026-02-02 00:00:00+00:00');`
    withSqlite(path, db =>
      db.exec(`UPDATE functions SET image = 'alpine:4', replicas = 5, updated_at = '2026-02-03 00:00:00.5+01:00' WHERE name = 'changed';
               UPDATE functions SET updated_at = '2026-02-03 00:00:00.5+01:00' WHERE name = 'touched';
               DELETE FROM functions WHERE name IN ('gone', 'again'); ${insert('again')} ${insert('added')}`)
    )
    await using store = await open()
    const after = Object.fromEntries((await store.functions.list()).map(fn => [fn.metadata.name, fn]))
    expect(Object.keys(after)).to.have.members(['kept', 'changed', 'touched', 'again', 'added'])
    expect(after['kept']).to.deep.equal(before['kept'])
    expect(after['touched']).to.deep.equal(before['touched'])
    expect(after['changed']?.metadata).to.deep.include({
      uid: before['changed']?.metadata.uid,
      generation: 2,
      annotations: { a: 'changed' },
      updatedAt: '2026-02-02T23:00:00.5Z'
    })
    expect(after['changed']?.spec).to.deep.equal({ ...before['changed']?.spec, image: 'alpine:4', replicas: 5 })
    expect((await store.functions.revisions(`${FN}/changed`)).map(({ revision }) => revision)).to.deep.equal([2, 1])
    expect(after['again']?.metadata.uid).not.to.equal(before['again']?.metadata.uid)
    expect(after['again']?.metadata.annotations).to.deep.equal({})
    expect(after['added']?.metadata.generation).to.equal(1)
    const versions = Object.values(after).map(({ metadata }) => metadata.resourceVersion)
    expect(new Set(versions).size).to.equal(versions.length)
    expect(store.functions.resourceVersion()).to.be.at.least(Math.max(...versions))
  })

  it('gives no id and no version twice, whatever was deleted or renamed in between', async () => {
    await load('v1.0', path)
    const before = await everything()
    const sequence = () => rows(path, "SELECT seq FROM sqlite_sequence WHERE name = 'functions'")
    expect(sequence()).to.deep.equal([{ seq: 20 }])
    await migrateDown(path, 2)
    expect(sequence()).to.deep.equal([{ seq: 20 }])
    withSqlite(path, db => db.exec("DELETE FROM functions WHERE name = 'nulls'"))
    const afterDeletion = await everything()
    expect(afterDeletion.resourceVersion).to.be.greaterThan(before.resourceVersion)
    await migrateDown(path, 2)
    withSqlite(path, db => db.exec("UPDATE functions SET name = 'renamed' WHERE name = 'full'"))
    const [old, renamed] = [before, await everything()].map(({ functions }) =>
      functions.find(({ metadata }) => ['full', 'renamed'].includes(metadata.name))
    )
    expect(renamed?.metadata).to.deep.include({ name: 'renamed', generation: 1 })
    expect(renamed?.metadata.uid).not.to.equal(old?.metadata.uid)
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

  it('goes down to 3 with all functions, and forgets which images were pulled', async () => {
    {
      await using store = await open()
      await store.functions.put(`${FN}/kept`, () => aDraft('kept'))
      await store.images.record('sha256:1', 'r.example/kept:1')
    }
    const before = await everything()
    await migrateDown(path, 3)
    expect(rows(path, "SELECT name FROM sqlite_master WHERE name LIKE '%pulled%'")).to.deep.equal([])
    expect(log(path)).to.deep.equal(LOG_LATEST.slice(0, 3))
    expect(await everything()).to.deep.equal(before)
    await using store = await open()
    expect(await store.images.list()).to.deep.equal([])
  })

  it('gives a migrated function its first revision', async () => {
    await load('v2.1', path)
    await using store = await open()
    const [fn] = await store.functions.list()
    expect(await store.functions.revisions(`${FN}/debug-test`)).to.deep.equal([
      { revision: 1, labels: { team: 'b' }, annotations: {}, spec: fn?.spec, createdAt: '2025-03-02T10:00:00.25Z' }
    ])
  })

  it('loses nothing of any function on the way down and up', async function () {
    this.timeout(30_000)
    const text = fc.string({ unit: 'binary', maxLength: 12 })
    const map = fc.dictionary(fc.stringMatching(/^[a-zA-Z_][-._a-zA-Z]{0,5}$/), text, { maxKeys: 3 })
    const draft = fc.record({
      name: fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/),
      namespace: fc.constantFrom(FN, 'team-a', 'team-b'),
      labels: map,
      annotations: map,
      spec: fc.record({
        image: fc.constantFrom('alpine', 'r.example:5000/x/y@sha256:aa'),
        replicas: fc.nat(20),
        envProcess: text,
        env: map,
        secrets: fc.uniqueArray(fc.stringMatching(/^[a-z]{1,4}$/), { maxLength: 3 }),
        limits: fc.constantFrom({}, { memory: '1Gi' }, { memory: '1Gi', cpu: '2' }),
        requests: fc.constantFrom({}, { cpu: '100m' }),
        readOnlyRootFilesystem: fc.boolean(),
        debug: fc.boolean(),
        constraints: fc.array(text, { maxLength: 2 }),
        probes: fc.constantFrom({}, { ready: { path: '/x' } })
      })
    })
    await fc.assert(
      fc.asyncProperty(fc.array(draft, { maxLength: 6 }), fc.integer({ min: 0, max: 3 }), async (drafts, to) => {
        await using own = await Scratch.create()
        path = own.path
        {
          await using store = await open()
          for (const item of drafts) await store.functions.put(`${item.namespace}/${item.name}`, () => item)
        }
        const before = await everything()
        await migrateDown(path, to)
        expect(await everything()).to.deep.equal(before)
      }),
      { numRuns: 15 }
    )
  })

  it('keeps which ticks of schedules are done with, so that none is run again after the way down and up', async () => {
    const record = {
      ...{
        schedule: '*/5 * * * *',
        timezone: 'UTC',
        done: [[1, 5] as const],
        seenUntil: 6,
        isSuspended: false,
        claim: 7
      },
      ...{ last: { tick: 5, at: 6, call: 'c' }, runs: 1, skipped: 2, missed: 3 }
    }
    {
      await using store = await open()
      const { object } = await store.functions.put(`${FN}/a`, () => aDraft('a'))
      await store.schedules.put({ ...record, uid: object.metadata.uid })
    }
    await migrateDown(path, 2)
    await using store = await open()
    const uid = (await store.functions.get(`${FN}/a`))?.metadata.uid
    expect(await store.schedules.list()).to.deep.equal([{ ...record, uid }])
  })

  it('gives events that were recorded before a rollback and after it positions in their order', async () => {
    const anEvent = (message: string) =>
      ({ namespace: FN, name: 'a', uid: 'a', type: 'Normal', reason: 'Created', message }) as const
    await using store = await open()
    for (const message of ['one', 'two', 'one']) await store.events.record(anEvent(message))
    await store.close()
    await migrateDown(path, 10)
    withSqlite(path, db =>
      db.exec(`INSERT INTO events (namespace, name, uid, type, reason, message, count, first_at, last_at)
        SELECT namespace, name, uid, type, reason, 'by the older release', 1, first_at, last_at FROM events LIMIT 1`)
    )
    await using again = await open()
    await again.events.record(anEvent('three'))
    const told: string[] = []
    for await (const { message } of again.events.watch(0, {}, AbortSignal.timeout(10_000))) {
      told.push(message)
      if (told.length === 4) break
    }
    expect(told).to.deep.equal(['two', 'one', 'by the older release', 'three'])
  })

  it('keeps how often functions were called on the way down and up', async () => {
    {
      await using store = await open()
      const { object } = await store.functions.put(`${FN}/a`, () => aDraft('a'))
      await store.invocationCounts.put(new Map([[object.metadata.uid, 41]]))
    }
    await migrateDown(path, 2)
    await using store = await open()
    const uid = (await store.functions.get(`${FN}/a`))?.metadata.uid
    expect([...(await store.invocationCounts.list())]).to.deep.equal([[uid, 41]])
  })

  it('drops what replicas wrote that are gone on the way down, and keeps it anew on the way up', async () => {
    const put = async () => {
      await using store = await open()
      const { uid } = (await store.functions.put(`${FN}/a`, () => aDraft('a'))).object.metadata
      expect(await store.lastLines.list(uid)).to.deep.equal([])
      await store.lastLines.put({ containerId: 'c', uid, instance: 'a-0', removedAt: 1, lines: [] })
      expect(await store.lastLines.list(uid)).to.have.length(1)
    }
    await put()
    await migrateDown(path, 12)
    await put()
  })

  it('takes a private backup before it migrates a file with content, and keeps the newest seven', async () => {
    await load('v1.0', path)
    const backups: string[] = []
    await (await openStore({ path, clock, onBackup: file => backups.push(file) })).close()
    expect(backups).to.deep.equal([`${path}.backup-v0-${new Date(clock.now()).toISOString().replaceAll(/[-:.]/g, '')}`])
    expect(rows(backups[0] ?? '', 'SELECT count(*) AS n FROM functions')).to.deep.equal([{ n: 10 }])
    expect((await stat(backups[0] ?? '')).mode & 0o777).to.equal(0o600)
    await (await openStore({ path, clock, onBackup: file => backups.push(file) })).close()
    expect(backups).to.have.length(1)
    for (let i = 0; i < 5; i++) {
      clock.advance(1000)
      backups.push((await migrateDown(path, 2, { clock })).backup ?? '')
      clock.advance(1000)
      backups.push((await migrateUp(path, { clock })).backup ?? '')
    }
    const files = (await readdir(scratch.directory))
      .filter(name => name.includes('.backup-'))
      .map(name => `${scratch.directory}/${name}`)
    expect(files).to.have.members(backups.slice(-7))
  })

  it('backs up what is only in the write-ahead log', async () => {
    const source = `${scratch.directory}/source.db`
    await load('v2.1', source)
    withSqlite(source, db => {
      db.exec("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; UPDATE functions SET image = 'in-the-wal'")
      for (const suffix of ['', '-wal']) copyFileSync(source + suffix, path + suffix)
    })
    expect((await readFile(path)).includes('in-the-wal')).to.equal(false)
    let copy = ''
    await (await openStore({ path, clock, onBackup: file => (copy = file) })).close()
    expect(rows(copy, 'SELECT DISTINCT image FROM functions')).to.deep.equal([{ image: 'in-the-wal' }])
  })

  it('takes none of a new file, creates its directory, and keeps file and log private', async () => {
    path = `${scratch.directory}/deep/er/faas.db`
    const backups: string[] = []
    await using store = await openStore({ path, clock, onBackup: file => backups.push(file) })
    expect(backups).to.deep.equal([])
    expect(store).to.deep.include({ isFresh: true, bornAt: clock.now() })
    await store.functions.put(`${FN}/a`, () => aDraft('a'))
    for (const file of [path, `${path}-wal`, `${path}-shm`])
      expect((await stat(file)).mode & 0o777, file).to.equal(0o600)
  })

  it('makes an older file private, and remembers when it came here', async () => {
    await load('v2.1', path)
    await chmod(path, 0o644)
    const bornAt = clock.now()
    await (await open()).close()
    expect((await stat(path)).mode & 0o777).to.equal(0o600)
    clock.advance(60_000)
    await using store = await open()
    expect(store).to.deep.include({ isFresh: false, bornAt })
  })

  it('tells the status of any file, and creates none', async () => {
    const versions = async () =>
      (await migrationStatus(path)).map(({ version, appliedAt }) => [version, appliedAt !== undefined])
    const stateWith = (applied: number) => MIGRATIONS.map(({ version }) => [version, version <= applied])
    expect(await versions()).to.deep.equal(stateWith(0))
    expect(await readdir(scratch.directory)).to.deep.equal([])
    await load('v2.1', path)
    expect(await versions()).to.deep.equal(stateWith(2))
    const run = await migrateUp(path)
    expect(run).to.deep.include({ path, from: 2, to: LATEST_VERSION, migrations: OWN })
    expect(await versions()).to.deep.equal(stateWith(LATEST_VERSION))
    const nothing = { from: LATEST_VERSION, to: LATEST_VERSION, migrations: [], backup: undefined }
    expect(await migrateUp(path)).to.deep.include(nothing)
    expect(await migrateDown(path, LATEST_VERSION)).to.deep.include(nothing)
  })

  it('refuses to go down to a version that is none', async () => {
    const failure = await migrateDown(path, LATEST_VERSION + 1).catch((err: unknown) => err)
    expect(failure).to.be.instanceOf(Error).and.to.have.property('code', 'INVALID')
  })

  it('refuses to go down under a gateway that runs on the file, and changes nothing then', async () => {
    await using store = await open()
    await store.functions.put(`${FN}/hello`, () => aDraft('hello'))
    const failure = await migrateDown(path, 2).catch((err: unknown) => err)
    expect(failure).to.have.property('code', 'DATABASE_IN_USE')
    expect(failure).to.have.property('message').that.contains('stop the gateway')
    expect(log(path)).to.deep.equal(LOG_LATEST)
    expect(await store.functions.list()).to.have.length(1)
  })

  it('changes nothing at all when a migration fails half-way', async () => {
    await load('v2.1', path)
    withSqlite(path, db => db.exec('CREATE TABLE events (mine TEXT)'))
    const schema = schemaOf(path)
    const failure = await open().catch((err: unknown) => err)
    expect(failure).to.be.instanceOf(Error)
    expect(schemaOf(path)).to.deep.equal(schema)
    expect(log(path)).to.deep.equal(LOG_2)
  })
})
