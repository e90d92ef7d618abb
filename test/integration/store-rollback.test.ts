import { expect } from 'chai'
import fc from 'fast-check'
import { migrateDown } from '../../src/store/migrator.ts'
import { openStore } from '../../src/store/open.ts'
import { LATEST_VERSION, MIGRATIONS } from '../../src/store/schema-migrator.ts'
import { aDraft, load, rows, Scratch, TestClock, withSqlite } from '../fixtures/db/files.ts'
import { LOG_2, LOG_LATEST, migrationLog } from '../fixtures/db/migration-log.ts'

const FN = 'openfaas-fn'
/** Those after the older program's, the newest first. */
const OWN = MIGRATIONS.slice(2).map(({ version, description }) => ({ version, description }))

describe('store: the way back', () => {
  let scratch: Scratch
  let path: string
  const clock = new TestClock()
  const open = () => openStore({ path, clock })
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
    expect(migrationLog(path)).to.deep.equal(LOG_2)

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
    expect(migrationLog(path)).to.deep.equal(['1|Initial schema|'])
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

  it('goes down to 3 with all functions, and forgets which images were pulled', async () => {
    {
      await using store = await open()
      await store.functions.put(`${FN}/kept`, () => aDraft('kept'))
      await store.images.record('sha256:1', 'r.example/kept:1')
    }
    const before = await everything()
    await migrateDown(path, 3)
    expect(rows(path, "SELECT name FROM sqlite_master WHERE name LIKE '%pulled%'")).to.deep.equal([])
    expect(migrationLog(path)).to.deep.equal(LOG_LATEST.slice(0, 3))
    expect(await everything()).to.deep.equal(before)
    await using store = await open()
    expect(await store.images.list()).to.deep.equal([])
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
})
