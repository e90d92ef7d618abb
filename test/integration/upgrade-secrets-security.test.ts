import { join } from 'node:path'
import { expect } from 'chai'
import { Keyring } from '../../src/secrets/keyring.ts'
import { migrateDown, migrateUp } from '../../src/store/migrator.ts'
import { openStore } from '../../src/store/open.ts'
import { LATEST_VERSION } from '../../src/store/schema-migrator.ts'
import { Scratch, TestClock, withSqlite } from '../fixtures/db/files.ts'

/** The version in which secrets came. */
const FIRST_WITH_SECRETS = 5

describe('secrets of a database that is upgraded', () => {
  async function open(scratch: Scratch) {
    const cipher = new Keyring(join(scratch.directory, 'secrets-key'))
    const store = await openStore({ path: scratch.path, clock: new TestClock(), cipher })
    await cipher.load({ mayCreate: (await store.secrets.usedKeyIds()).size === 0 })
    return store
  }

  for (let from = FIRST_WITH_SECRETS; from <= LATEST_VERSION; from++) {
    it(`S47: are readable when it comes from version ${from}`, async () => {
      await using scratch = await Scratch.create()
      const before = await open(scratch)
      await before.secrets.put('openfaas-fn/a', Buffer.from('kept'))
      await before.close()
      if (from < LATEST_VERSION) await migrateDown(scratch.path, from)
      await migrateUp(scratch.path)
      const after = await open(scratch)
      try {
        const object = await after.secrets.get('openfaas-fn/a')
        expect(object && (await after.secrets.reveal(object))?.toString()).to.equal('kept')
      } finally {
        await after.close()
      }
    })
  }

  it('S47: stay as they are when the program is older than the database, which it refuses', async () => {
    await using scratch = await Scratch.create()
    const before = await open(scratch)
    await before.secrets.put('openfaas-fn/a', Buffer.from('kept'))
    await before.close()
    const rows = () => withSqlite(scratch.path, database => database.prepare('SELECT * FROM secrets').all())
    const kept = rows()
    expect(kept).to.have.length(1)
    withSqlite(scratch.path, database => {
      database.exec(
        `INSERT INTO schema_migrations (version, description, applied_at) VALUES (${LATEST_VERSION + 1}, 'newer', '')`
      )
    })
    const refusal = await open(scratch).then(
      () => 'opened',
      (err: Error) => err.message
    )
    expect(refusal).to.contain(`version ${LATEST_VERSION + 1}`)
    expect(rows()).to.deep.equal(kept)
  })
})
