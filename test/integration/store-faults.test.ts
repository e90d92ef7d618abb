import { spawn } from 'node:child_process'
import { copyFileSync, readdirSync } from 'node:fs'
import { copyFile, open, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { expect } from 'chai'
import { ConflictError } from '../../api/errors.ts'
import { DatabaseCorruptError, SchemaTooNewError, StorageFullError } from '../../src/store/errors.ts'
import { ChangeFeed } from '../../src/store/feed.ts'
import { Functions } from '../../src/store/functions.ts'
import { openStore } from '../../src/store/open.ts'
import { connect } from '../../src/store/orm.ts'
import { LATEST_VERSION } from '../../src/store/schema-migrator.ts'
import { aDraft, load, rows, Scratch, TestClock, withSqlite } from '../fixtures/db/files.ts'

const FN = 'openfaas-fn'
const LANES = [0, 1, 2]
/** A kill takes about a second with what it needs; at night there are a thousand. */
const KILLS_PER_LANE = Math.ceil(Number(process.env['KILLS'] ?? 15) / LANES.length)
const WRITER = new URL('../fixtures/db/writer.ts', import.meta.url).pathname

describe('store: faults', () => {
  let scratch: Scratch
  let path: string
  const clock = new TestClock()
  const open_ = () => openStore({ path, clock })
  beforeEach(async () => {
    scratch = await Scratch.create()
    path = scratch.path
  })
  afterEach(() => scratch[Symbol.asyncDispose]())

  it('S1: keeps every acknowledged write through kill -9', async function () {
    this.timeout(60_000 + KILLS_PER_LANE * 5000)
    await Promise.all(
      LANES.map(async lane => {
        const file = `${scratch.directory}/lane-${lane}.db`
        const latest = new Map<string, number>()
        let last = { n: -1, resourceVersion: 0 }
        for (let kill = 0; kill < KILLS_PER_LANE; kill++) {
          const acknowledged = await writeAndKill(file, last.n + 1, (kill * 7 + lane * 3) % 40)
          for (const { name, n } of acknowledged) latest.set(name, n)
          const before = last.resourceVersion
          last = acknowledged.at(-1) ?? last
          expect(last.resourceVersion).to.be.greaterThan(before)
          await using store = await openStore({ path: file, clock })
          const found = new Map((await store.functions.list()).map(fn => [fn.metadata.name, Number(fn.spec.env['N'])]))
          for (const [name, n] of latest) expect(found.get(name), `${name} after kill ${kill}`).to.be.at.least(n)
          expect(store.functions.resourceVersion()).to.be.at.least(last.resourceVersion)
          expect(rows(file, 'PRAGMA integrity_check')).to.deep.equal([{ integrity_check: 'ok' }])
        }
        expect(rows(file, 'PRAGMA foreign_key_check')).to.deep.equal([])
      })
    )
  })

  it('S1: loses no function to kill -9 during the migration', async function () {
    this.timeout(60_000)
    for (let batch = 0; batch < 4; batch++) {
      await Promise.all(
        [0, 1, 2].map(async lane => {
          const file = `${scratch.directory}/migrated-${batch}-${lane}.db`
          await load('v1.0', file)
          const child = spawn(process.execPath, [WRITER, file], { stdio: 'ignore' })
          await eventually(() => readdirSync(scratch.directory).some(name => name.startsWith(`${basename(file)}-`)))
          await new Promise(resolve => setTimeout(resolve, (batch * 3 + lane) * 4))
          child.kill('SIGKILL')
          await new Promise(resolve => child.once('close', resolve))
          await using store = await openStore({ path: file, clock })
          const migrated = (await store.functions.list()).filter(fn => !fn.metadata.name.startsWith('fn-'))
          expect(migrated).to.have.length(10)
        })
      )
    }
  })

  it('S1: undoes what a crash of the older program left half done, and keeps every function', async () => {
    const source = `${scratch.directory}/source.db`
    await load('v2.1', source)
    withSqlite(source, db => {
      db.exec('PRAGMA cache_size = 1; PRAGMA journal_mode = DELETE; BEGIN')
      db.exec("UPDATE functions SET image = 'half-done'")
      const insert = db.prepare(
        "INSERT INTO functions (name, image, network, created_at, updated_at) VALUES (?, ?, 'n', 't', 't')"
      )
      for (let i = 0; i < 200; i++) insert.run(`half-${i}`, 'x'.repeat(1000))
      for (const suffix of ['', '-journal']) copyFileSync(source + suffix, path + suffix)
    })
    expect((await readFile(path)).includes('half-done')).to.equal(true)
    await using store = await open_()
    expect((await store.functions.list()).map(({ spec }) => spec.image)).to.deep.equal(['alpine:3.20', 'alpine:3.20'])
  })

  it('S2: writes through a log that is flushed at every commit', async () => {
    const database = await connect(path)
    const pragma = (name: string) => database.native.pragma(name, { simple: true })
    expect(['journal_mode', 'synchronous', 'foreign_keys'].map(pragma)).to.deep.equal(['wal', 2, 1])
    await database.close()
  })

  it('S3: a full disk fails the write alone; reads go on, and so do writes once there is room', async () => {
    await (await open_()).close()
    const database = await connect(path)
    try {
      const deps = {
        database,
        feed: new ChangeFeed(0),
        clock,
        newUid: () => crypto.randomUUID(),
        memoryDefaultBytes: 0,
        onListenerError: () => undefined
      }
      const functions = new Functions(deps)
      await functions.put(`${FN}/a`, () => aDraft('a'))
      const pages = Number(database.native.pragma('page_count', { simple: true }))
      database.native.pragma(`max_page_count = ${pages + 1}`)
      const large = () => aDraft('b', { env: { X: 'x'.repeat(100_000) } })
      const failure = await functions.put(`${FN}/b`, large).catch((err: unknown) => err)
      expect(failure).to.be.instanceOf(StorageFullError).and.to.include({ status: 507 })
      expect(functions.resourceVersion()).to.equal(1)
      expect((await functions.list()).map(({ metadata }) => metadata.name)).to.deep.equal(['a'])
      database.native.pragma('max_page_count = 1000000')
      expect((await functions.put(`${FN}/b`, large)).object.metadata.resourceVersion).to.equal(2)
    } finally {
      await database.close()
    }
    expect(rows(path, 'PRAGMA integrity_check')).to.deep.equal([{ integrity_check: 'ok' }])
  })

  it('S4: waits for the lock of another process', async () => {
    await using store = await open_()
    const locker = `
      const { DatabaseSync } = require('node:sqlite')
      const db = new DatabaseSync(${JSON.stringify(path)})
      db.exec('BEGIN IMMEDIATE')
      console.log('locked')
      setTimeout(() => db.exec('COMMIT'), 1500)`
    const child = spawn(process.execPath, ['-e', locker], { stdio: ['ignore', 'pipe', 'inherit'] })
    await new Promise(resolve => child.stdout.once('data', resolve))
    const { outcome } = await store.functions.put(`${FN}/a`, () => aDraft('a'))
    expect(outcome).to.equal('created')
  })

  describe('S5: a damaged file is refused, and left as it is', () => {
    const filled = async () => {
      const store = await open_()
      for (let i = 0; i < 60; i++)
        await store.functions.put(`${FN}/fn-${i}`, () => aDraft(`fn-${i}`, { env: { X: 'y'.repeat(500) } }))
      await store.close()
    }
    const expectRefused = async (hint: string | RegExp) => {
      const before = await readFile(path)
      const { mode, mtimeMs } = await stat(path)
      const failure = await open_().catch((err: unknown) => err)
      expect(failure).to.be.instanceOf(DatabaseCorruptError)
      expect(failure).to.include({ exitCode: 78, code: 'DATABASE_CORRUPT' })
      expect((failure as Error).message)
        .to.include(path)
        .and.to.include('nothing was changed')
        .and.to.match(new RegExp(hint))
      expect((await readFile(path)).equals(before)).to.equal(true)
      const after = await stat(path)
      expect([after.mode, after.mtimeMs]).to.deep.equal([mode, mtimeMs])
    }

    it('S5: bytes overwritten in the middle', async () => {
      await filled()
      const { size } = await stat(path)
      for (let at = 4096; at < size; at += 4096) {
        const copy = `${path}.copy`
        await copyFile(path, copy)
        const file = await open(copy, 'r+')
        await file.write(Buffer.alloc(1024, 0xa5), 0, 1024, at)
        await file.close()
        const failure = await openStore({ path: copy, clock }).catch((err: unknown) => err)
        if (failure instanceof Error) expect(failure, `page at ${at}`).to.be.instanceOf(DatabaseCorruptError)
        else await (failure as Awaited<ReturnType<typeof openStore>>).close() // a page that holds nothing now
      }
      const file = await open(path, 'r+')
      await file.write(Buffer.alloc(4096, 0xa5), 0, 4096, Math.floor(size / 8192) * 4096)
      await file.close()
      await expectRefused('No backup lies beside it')
    })

    it('S5: bytes overwritten inside a value, which SQLite itself does not notice', async () => {
      await filled()
      const bytes = await readFile(path)
      bytes.write('\u0001\u0002\u0003', bytes.lastIndexOf('"envProcess"'), 'latin1')
      await writeFile(path, bytes)
      await expectRefused('damaged')
    })

    it('S5: a truncated file, with the newest backup named', async () => {
      await load('v1.0', path)
      const backups: string[] = []
      await (await openStore({ path, clock, onBackup: file => backups.push(file) })).close()
      await filled()
      await truncate(path, Math.floor((await stat(path)).size / 2))
      await expectRefused(`copy ${backups[0]} to ${path}`)
      await truncate(path, 50)
      await expectRefused('copy')
      await truncate(path, 7)
      await expectRefused('not an SQLite database')
      await truncate(path, 0)
      await expectRefused('it is empty, but a backup')
    })

    it('S5: a file that is no database', async () => {
      await writeFile(path, 'image: alpine\n'.repeat(1000))
      await expectRefused('not an SQLite database')
    })
  })

  it('S6: refuses a schema that it does not know, and says what helps', async () => {
    await (await open_()).close()
    withSqlite(path, db => db.exec("INSERT INTO schema_migrations (version, description) VALUES (99, 'Future')"))
    const before = await readFile(path)
    const failure = await open_().catch((err: unknown) => err)
    expect(failure).to.be.instanceOf(SchemaTooNewError)
    expect(failure).to.include({ exitCode: 78, code: 'SCHEMA_TOO_NEW', found: 99, known: LATEST_VERSION })
    expect((failure as Error).message).to.match(
      new RegExp(`schema version 99.*up to ${LATEST_VERSION}.*migrate down to ${LATEST_VERSION}`)
    )
    expect((await readFile(path)).equals(before)).to.equal(true)
  })

  it('S10: of two writers that read the same version exactly one wins', async () => {
    await using store = await open_()
    const { object } = await store.functions.put(`${FN}/a`, () => aDraft('a'))
    const ifMatch = object.metadata.resourceVersion
    const results = await Promise.allSettled(
      [2, 3, 4].map(replicas => store.functions.put(`${FN}/a`, () => aDraft('a', { replicas }), { ifMatch }))
    )
    expect(results.map(({ status }) => status)).to.deep.equal(['fulfilled', 'rejected', 'rejected'])
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).to.be.instanceOf(ConflictError)
    expect((await store.functions.get(`${FN}/a`))?.spec.replicas).to.equal(2)
  })
})

/** Lets a child write for a moment after its first acknowledged write, kills it, and gives what it acknowledged. */
function writeAndKill(path: string, first: number, afterMs: number) {
  return new Promise<{ name: string; n: number; resourceVersion: number }[]>((resolve, reject) => {
    const child = spawn(process.execPath, [WRITER, path, String(first)], { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    let errors = ''
    child.stderr.on('data', chunk => {
      errors += chunk
    })
    child.stdout.on('data', chunk => {
      if (output === '') setTimeout(() => child.kill('SIGKILL'), afterMs)
      output += chunk
    })
    child.on('close', (_code, signal) => {
      if (signal !== 'SIGKILL') return reject(new Error(`writer ended by itself: ${errors}`))
      const lines = output.slice(0, output.lastIndexOf('\n')).split('\n')
      resolve(lines.map(parseLine))
    })
  })
}

function parseLine(line: string) {
  const [name = '', n, resourceVersion] = line.split(' ')
  return { name, n: Number(n), resourceVersion: Number(resourceVersion) }
}

async function eventually(isSo: () => boolean): Promise<void> {
  for (let waited = 0; !isSo() && waited < 10_000; waited += 2) await new Promise(resolve => setTimeout(resolve, 2))
}
