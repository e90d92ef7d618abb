import { copyFileSync } from 'node:fs'
import { chmod, readdir, readFile, stat } from 'node:fs/promises'
import { expect } from 'chai'
import { migrateDown, migrateUp, migrationStatus } from '../../src/store/migrator.ts'
import { openStore } from '../../src/store/open.ts'
import { LATEST_VERSION, MIGRATIONS } from '../../src/store/schema-migrator.ts'
import { aDraft, load, rows, Scratch, schemaOf, TestClock, withSqlite } from '../fixtures/db/files.ts'
import { LOG_2, LOG_LATEST, migrationLog } from '../fixtures/db/migration-log.ts'

const FN = 'openfaas-fn'
/** Those after the older program's, the newest first. */
const OWN = MIGRATIONS.slice(2).map(({ version, description }) => ({ version, description }))

describe('store: migrations, and what is kept of before', () => {
  let scratch: Scratch
  let path: string
  const clock = new TestClock()
  const open = () => openStore({ path, clock })
  beforeEach(async () => {
    scratch = await Scratch.create()
    path = scratch.path
  })
  afterEach(() => scratch[Symbol.asyncDispose]())

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
    expect(migrationLog(path)).to.deep.equal(LOG_LATEST)
    expect(await store.functions.list()).to.have.length(1)
  })

  it('changes nothing at all when a migration fails half-way', async () => {
    await load('v2.1', path)
    withSqlite(path, db => db.exec('CREATE TABLE events (mine TEXT)'))
    const schema = schemaOf(path)
    const failure = await open().catch((err: unknown) => err)
    expect(failure).to.be.instanceOf(Error)
    expect(schemaOf(path)).to.deep.equal(schema)
    expect(migrationLog(path)).to.deep.equal(LOG_2)
  })
})
