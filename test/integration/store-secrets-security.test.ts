import { randomBytes } from 'node:crypto'
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { expect } from 'chai'
import { MAX_SECRET_BYTES, secretsHash } from '../../api/secret.ts'
import { Keyring } from '../../src/secrets/keyring.ts'
import { KeyRotation } from '../../src/secrets/rotation.ts'
import { SecretUnreadableError } from '../../src/store/errors.ts'
import { openStore, type Store } from '../../src/store/open.ts'
import { rows, Scratch, TestClock, withSqlite } from '../fixtures/db/files.ts'

const A = 'openfaas-fn/a'
const B = 'openfaas-fn/b'

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'done',
    (err: { code?: string }) => err.code
  )

describe('store: secrets', () => {
  let scratch: Scratch
  let keyring: Keyring
  let store: Store
  let keyFile: string
  const clock = new TestClock()

  async function open(): Promise<void> {
    keyring = new Keyring(keyFile)
    store = await openStore({ path: scratch.path, clock, cipher: keyring })
    await keyring.load({ mayCreate: (await store.secrets.usedKeyIds()).size === 0 })
  }
  async function value(key: string): Promise<string | undefined> {
    const object = await store.secrets.get(key)
    return object && (await store.secrets.reveal(object))?.toString()
  }
  async function put(key: string, text: string) {
    return store.secrets.put(key, Buffer.from(text))
  }
  /** Everything that lies on the disk, the log of the database among it. */
  async function everything(): Promise<Buffer> {
    const names = (await readdir(scratch.directory)).filter(name => !name.startsWith('secrets-key'))
    return Buffer.concat(await Promise.all(names.map(name => readFile(join(scratch.directory, name)))))
  }

  beforeEach(async () => {
    scratch = await Scratch.create()
    keyFile = join(scratch.directory, 'secrets-key')
    await open()
  })
  afterEach(async () => {
    await store.close()
    await scratch[Symbol.asyncDispose]()
  })

  it('keeps a value, tells of it without the value, and forgets it', async () => {
    const { outcome, object } = await put(A, 'one')
    expect(outcome).to.equal('created')
    expect(object).to.include({ namespace: 'openfaas-fn', name: 'a', version: 1, sizeBytes: 3 })
    expect(await value(A)).to.equal('one')
    expect(await store.secrets.list()).to.deep.equal([object])
    expect(await store.secrets.list({ namespaces: new Set(['other']) })).to.deep.equal([])
    expect(JSON.stringify([object, await store.secrets.list()])).to.not.contain('one')
    expect((await store.secrets.delete(A))?.uid).to.equal(object.uid)
    expect(await store.secrets.delete(A)).to.equal(undefined)
    expect(await store.secrets.reveal(object)).to.equal(undefined)
  })

  it('keeps any bytes, also none, up to 256 KiB', async () => {
    const bytes = randomBytes(MAX_SECRET_BYTES)
    const { object } = await store.secrets.put(A, bytes)
    expect((await store.secrets.reveal(object))?.equals(bytes)).to.equal(true)
    await store.secrets.put(B, Buffer.alloc(0))
    expect(await value(B)).to.equal('')
  })

  it('is another version for another value only, whichever it was before', async () => {
    const first = await put(A, 'one')
    const same = await put(A, 'one')
    expect(same.outcome).to.equal('unchanged')
    expect(same.object).to.deep.equal(first.object)
    const second = await put(A, 'two')
    expect(second.object.version).to.equal(2)
    expect(second.object.resourceVersion).to.be.greaterThan(first.object.resourceVersion)
    const third = await put(A, 'one')
    const hashes = [first, second, third].map(({ object }) => secretsHash('uid', [object]))
    expect(new Set(hashes).size).to.equal(3)
    expect(await store.secrets.reveal(first.object)).to.equal(undefined)
  })

  it('creates, updates and compares as it is asked to', async () => {
    const update = store.secrets.put(A, Buffer.from('x'), { mode: 'update' })
    expect(await codeOf(update)).to.equal('NOT_FOUND')
    const { object } = await store.secrets.put(A, Buffer.from('x'), { mode: 'create' })
    const again = store.secrets.put(A, Buffer.from('x'), { mode: 'create' })
    expect(await codeOf(again)).to.equal('ALREADY_EXISTS')
    const { resourceVersion } = object
    const stale = store.secrets.put(A, Buffer.from('y'), { ifMatch: resourceVersion + 1 })
    expect(await codeOf(stale)).to.equal('CONFLICT')
    expect(await codeOf(store.secrets.delete(A, { ifMatch: resourceVersion + 1 }))).to.equal('CONFLICT')
    expect(await codeOf(store.secrets.put(B, Buffer.from('y'), { ifMatch: 1 }))).to.equal('CONFLICT')
    expect((await store.secrets.put(A, Buffer.from('y'), { ifMatch: resourceVersion })).outcome).to.equal('changed')
  })

  it('tells of each change after its commit', async () => {
    const told: string[] = []
    const end = store.secrets.onChange(({ name, version }) => told.push(`${name} ${version}`))
    await put(A, 'one')
    await put(A, 'one')
    await put(A, 'two')
    await store.secrets.delete(A)
    end()
    await put(B, 'one')
    expect(told).to.deep.equal(['a 1', 'a 2', 'a 2'])
  })

  it('S24: leaves nothing of a value on the disk of the database', async () => {
    const canary = `canary-${randomBytes(16).toString('hex')}`
    await put(A, canary)
    await put(A, `${canary}-2`)
    expect((await everything()).length).to.be.greaterThan(1000)
    await store.close()
    const bytes = await everything()
    for (const form of [
      canary,
      Buffer.from(canary).toString('base64').slice(0, 24),
      Buffer.from(canary).toString('hex')
    ])
      expect(bytes.includes(form), form).to.equal(false)
    expect((await stat(keyFile)).mode & 0o777).to.equal(0o600)
    expect(bytes.includes((await readFile(keyFile, 'utf8')).trim().split('\n').at(-1) ?? '')).to.equal(false)
    await open()
    expect(await value(A)).to.equal(`${canary}-2`)
  })

  it('S24: gives the same value another nonce and another ciphertext each time', async () => {
    await put(A, 'same')
    await put(B, 'same')
    await store.close()
    const found = rows(scratch.path, 'SELECT nonce, ciphertext FROM secrets')
    expect(new Set(found.map(row => row['nonce'])).size).to.equal(2)
    expect(new Set(found.map(row => row['ciphertext'])).size).to.equal(2)
    await open()
  })

  it('S24: opens no value in the row of another', async () => {
    await put(A, 'of a')
    await put(B, 'of b')
    await store.close()
    withSqlite(scratch.path, db => {
      const [a, b] = db.prepare('SELECT id, key_id, nonce, ciphertext FROM secrets ORDER BY name').all()
      const set = db.prepare('UPDATE secrets SET nonce = ?, ciphertext = ? WHERE id = ?')
      set.run(b?.['nonce'] ?? '', b?.['ciphertext'] ?? '', a?.['id'] ?? 0)
      set.run(a?.['nonce'] ?? '', a?.['ciphertext'] ?? '', b?.['id'] ?? 0)
    })
    await open()
    expect(await codeOf(value(A))).to.equal('SECRET_UNREADABLE')
    expect(await codeOf(value(B))).to.equal('SECRET_UNREADABLE')
  })

  for (const [what, sql] of [
    ['ciphertext', `UPDATE secrets SET ciphertext = ?`],
    ['nonce', `UPDATE secrets SET nonce = ?`]
  ] as const) {
    it(`S24: opens no value of whose ${what} a bit was turned`, async () => {
      await put(A, 'some value')
      await store.close()
      const [row] = rows(scratch.path, `SELECT ${what} AS text FROM secrets`)
      const bytes = Buffer.from(String(row?.['text']), 'base64')
      bytes.writeUInt8(bytes.readUInt8(0) ^ 1, 0)
      withSqlite(scratch.path, db => db.prepare(sql).run(bytes.toString('base64')))
      await open()
      expect(await codeOf(value(A))).to.equal('SECRET_UNREADABLE')
      expect((await put(A, 'some value')).outcome, 'written anew').to.equal('changed')
      expect(await value(A)).to.equal('some value')
    })
  }

  for (const [what, sql] of [
    ['name', `UPDATE secrets SET name = 'z'`],
    ['namespace', `UPDATE secrets SET namespace = 'z'`],
    ['version', 'UPDATE secrets SET version = 7']
  ] as const) {
    it(`S24: opens no value whose ${what} was changed in the file`, async () => {
      await put(A, 'some value')
      await store.close()
      withSqlite(scratch.path, db => db.exec(sql))
      await open()
      const [object] = await store.secrets.list()
      if (object === undefined) throw new Error('it is there')
      expect(await codeOf(store.secrets.reveal(object))).to.equal('SECRET_UNREADABLE')
    })
  }

  it('S24: makes no new key over values of a lost one, and goes on when it is restored', async () => {
    await put(A, 'one')
    await store.close()
    const kept = await readFile(keyFile, 'utf8')
    await rm(keyFile)
    await open()
    expect(keyring.problem).to.contain('is missing')
    expect(await readdir(scratch.directory)).to.not.include('secrets-key')
    expect(await codeOf(value(A))).to.equal('SECRET_UNREADABLE')
    expect(await codeOf(put(B, 'two'))).to.equal('SECRET_KEY_UNAVAILABLE')
    expect(await store.secrets.list()).to.have.length(1)
    await writeFile(keyFile, kept)
    expect(await value(A)).to.equal('one')
    expect((await put(B, 'two')).outcome).to.equal('created')
  })

  it('S24: refuses a file that is none, and takes a key that a person made', async () => {
    await store.close()
    await writeFile(keyFile, 'not a key\n')
    await open()
    expect(keyring.problem).to.contain('64 hex digits')
    expect(await codeOf(put(A, 'one'))).to.equal('SECRET_KEY_UNAVAILABLE')
    await writeFile(keyFile, `# mine\n\n${randomBytes(32).toString('hex').toUpperCase()}\r\n`)
    expect((await put(A, 'one')).outcome).to.equal('created')
  })

  it('S24: says which value is under a key that is not there, and lets it be written anew', async () => {
    await put(A, 'one')
    await store.close()
    await writeFile(keyFile, `${randomBytes(32).toString('hex')}\n`)
    await open()
    const failure = await value(A).catch((err: Error) => err.message)
    expect(failure).to.contain(A).and.to.contain(keyFile)
    expect((await put(A, 'one')).object.version).to.equal(2)
    expect(await value(A)).to.equal('one')
  })

  describe('when the key is rotated', () => {
    const rotate = (removeOld = false) => new KeyRotation(keyring, store).rotate({ removeOld })

    it('S25: keeps a key that credentials of a callback are under, until their call has gone', async () => {
      const call = { ...{ id: 'i', now: 0, namespace: 'ns', name: 'fn', method: 'POST', path: '/' }, headers: [] }
      const callbackUrl = 'http://ann:p%40w@hook.internal/x'
      await store.invocations.accept({ ...call, body: new Uint8Array(), callbackUrl })
      const [old] = keyring.keyIds
      expect((await rotate(true)).removedKeyIds).to.deep.equal([])
      const claims = await store.invocations.claim({
        ...{ namespace: 'ns', name: 'fn', phase: 'queued', limit: 1, owner: 'me', now: 1, leaseUntil: 2 }
      })
      const [claimed] = claims.claimed
      if (claimed === undefined) throw new Error('there is nothing to claim')
      expect(await store.invocations.callbackUrl(claimed)).to.equal(callbackUrl)
      const another = store.invocations.callbackUrl({ ...claimed, id: 'j' }).catch((err: unknown) => err)
      expect(await another).to.be.instanceOf(SecretUnreadableError)
      await store.invocations.cancel('i', 'all', 3)
      await store.invocations.prune({ endedBefore: 10, deadBefore: 10, max: 10 })
      expect((await rotate(true)).removedKeyIds).to.include(old)
    })

    it('S25: puts every value under the new key while it is read and written, and needs the old one no more', async () => {
      const count = 60
      for (let n = 0; n < count; n++) await put(`openfaas-fn/s-${n}`, `value ${n}`)
      const [old] = keyring.keyIds
      let isDone = false
      let rounds = 0
      const load = async () => {
        for (let n = 0; !isDone; n = (n + 7) % count, rounds++) {
          expect(await value(`openfaas-fn/s-${n}`)).to.match(new RegExp(`^value ${n}( again)?$`))
          await put(`openfaas-fn/s-${n}`, `value ${n} again`)
          await put('openfaas-fn/new', `value ${rounds}`)
          await setImmediate() // the database never lets others run
        }
      }
      const loading = load()
      const results = [await rotate(), await rotate(true)]
      isDone = true
      await loading
      expect(rounds).to.be.greaterThan(0)
      expect(results.flatMap(({ unreadable }) => unreadable)).to.deep.equal([])
      expect(keyring.keyIds).to.deep.equal([results[1]?.keyId])
      expect(results[1]?.removedKeyIds).to.include(old)
      await store.close()
      await open()
      expect([...(await store.secrets.usedKeyIds())]).to.deep.equal([results[1]?.keyId])
      for (let n = 0; n < count; n++) expect(await value(`openfaas-fn/s-${n}`)).to.match(new RegExp(`^value ${n}`))
    })

    it('S25: is no other version of a value', async () => {
      const { object } = await put(A, 'one')
      await rotate()
      expect(await store.secrets.get(A)).to.deep.equal(object)
    })

    it('S25: keeps the old key until it is told otherwise, for backups that need it', async () => {
      await put(A, 'one')
      const [old = ''] = keyring.keyIds
      const { keyId, resealed, unusedKeyIds, removedKeyIds } = await rotate()
      expect({ resealed, unusedKeyIds, removedKeyIds }).to.deep.equal({
        ...{ resealed: 1, unusedKeyIds: [old] },
        removedKeyIds: []
      })
      expect(keyring.keyIds).to.deep.equal([keyId, old])
      expect((await stat(keyFile)).mode & 0o777).to.equal(0o600)
    })

    it('S25: goes on where it was cut short', async () => {
      await put(A, 'one')
      await put(B, 'two')
      // The file has the new key, and no row is under it: where a kill leaves things at the earliest.
      const keyId = await keyring.add()
      await store.close()
      await open()
      expect([await value(A), await value(B)]).to.deep.equal(['one', 'two'])
      expect(await new KeyRotation(keyring, store).finish()).to.deep.equal({ resealed: 2, unreadable: [] })
      expect([...(await store.secrets.usedKeyIds())]).to.deep.equal([keyId])
    })

    it('S25: leaves values of a lost key as they are, and names them', async () => {
      await put(A, 'one')
      await store.close()
      await writeFile(keyFile, `${randomBytes(32).toString('hex')}\n`)
      await open()
      await put(B, 'two')
      const { resealed, unreadable } = await rotate(true)
      expect({ resealed, unreadable }).to.deep.equal({ resealed: 1, unreadable: [A] })
      expect(await value(B)).to.equal('two')
    })

    it('S25: changes nothing when the file cannot be written', async () => {
      await put(A, 'one')
      const before = keyring.keyIds
      await store.secrets.usedKeyIds()
      const missing = new Keyring(join(scratch.directory, 'no-such-folder', 'key'))
      expect(await codeOf(missing.add())).to.equal('SECRET_KEY_UNAVAILABLE')
      expect(keyring.keyIds).to.deep.equal(before)
    })
  })
})
