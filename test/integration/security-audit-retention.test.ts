import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { AuditComponent } from '../../src/assembly/audit.ts'
import { loadConfig } from '../../src/config/load.ts'
import { silentLogger } from '../../src/logging/logger.ts'
import { breakDraft } from '../../src/store/audit-break.ts'
import { openStore } from '../../src/store/open.ts'
import { Scratch, TestClock } from '../fixtures/db/files.ts'

const KEY = Buffer.alloc(32, 7)
const DAY_MS = 86_400_000

/** The gateway goes by the clock of the wall; the rows were written by the test's, which is behind or ahead of it. */
describe('age of the rows of the audit log', () => {
  let scratch: Scratch
  let clock: TestClock
  const open = () => openStore({ path: scratch.path, clock, auditKey: KEY })
  beforeEach(async () => {
    scratch = await Scratch.create()
    clock = new TestClock()
    clock.ms = Date.now() - 200 * DAY_MS
  })
  afterEach(() => scratch[Symbol.asyncDispose]())

  async function append(...details: string[]): Promise<void> {
    await using store = await open()
    for (const detail of details) await store.audit.append(breakDraft(detail))
  }

  /** Starts and stops what keeps the log of a gateway; the rows that are left, the oldest first. */
  async function startAndStop(): Promise<string[]> {
    await using store = await open()
    const metrics = { audited: () => undefined, auditLost: () => undefined, auditBroken: () => undefined }
    const config = loadConfig({ STATE_DB_PATH: scratch.path, AUDIT_RETENTION: '2160h' })
    const audit = new AuditComponent({ config, audit: store.audit, key: KEY, metrics, log: silentLogger })
    await audit.start()
    await audit.stop()
    return (await store.audit.list({ limit: 10 })).map(({ detail }) => detail ?? '').reverse()
  }

  it('S39: a clock that is far ahead at the start removes nothing', async () => {
    await append('a', 'b')
    expect(await startAndStop()).to.deep.equal(['a', 'b'])
  })

  it('S39: neither does it when the start itself notes something', async () => {
    await append('a')
    const copy = join(scratch.directory, 'copy.db')
    await copyFile(scratch.path, copy)
    await append('b')
    await startAndStop()
    await copyFile(copy, scratch.path)
    clock.ms = Date.now()
    const [first, noted, ...others] = await startAndStop()
    expect([first, others]).to.deep.equal(['a', []])
    expect(noted).to.match(/^rows up to 2 .* were known/)
  })

  it('S39: what is older than the newest row by the retention goes, also when that was written by a clock ahead', async () => {
    await append('a')
    clock.advance(91 * DAY_MS)
    await append('b')
    expect(await startAndStop()).to.deep.equal(['b'])
    clock.ms = Date.now() + 200 * DAY_MS
    await append('c')
    expect(await startAndStop(), 'by the clock of the wall').to.deep.equal(['c'])
    clock.ms = Date.now() - DAY_MS
    await append('d')
    expect(await startAndStop()).to.deep.equal(['c', 'd'])
  })
})
