import { execFileSync } from 'node:child_process'
import { mkdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { systemClock } from '../../src/clock.ts'
import { openStore } from '../../src/store/open.ts'
import { isCall, rows, Scratch } from '../fixtures/db/files.ts'
import { shimEnv } from '../helpers/disk-shim.ts'
import { type DiskOp, ForgetfulDisk, readJournal } from '../helpers/power-loss.ts'
import { Random } from '../simulation/random.ts'

const WRITER = new URL('../fixtures/db/durable-writer.ts', import.meta.url).pathname
const ACKS = 'acks'
const DATABASE = 'test.db'

describe('a loss of power', function () {
  this.timeout(180_000)
  let scratch: Scratch
  let folder: string
  beforeEach(async () => {
    scratch = await Scratch.create()
    folder = await realpath(scratch.directory)
  })
  afterEach(() => scratch[Symbol.asyncDispose]())

  /** What the writer does to its disk. */
  async function journalOf(synchronous: '' | 'NORMAL'): Promise<DiskOp[]> {
    const data = join(folder, 'data')
    const journal = join(folder, 'journal')
    await mkdir(data)
    const env = { ...process.env, ...shimEnv({ folder: data, journal }) }
    execFileSync(process.execPath, [WRITER, join(data, DATABASE), synchronous], { env })
    return readJournal(await readFile(journal))
  }

  /** Writes that were acknowledged and are not there, when the power fails with the disk like this. */
  async function lost(disk: ForgetfulDisk, acknowledged: number, random?: () => number): Promise<string[]> {
    const after = join(folder, 'after')
    await mkdir(after)
    for (const [name, content] of disk.afterPowerLoss(random))
      if (name !== ACKS) await writeFile(join(after, name), content)
    const path = join(after, DATABASE)
    const store = await openStore({ path, clock: systemClock })
    const found = new Map((await store.functions.list()).map(({ metadata, spec }) => [metadata.name, spec.env['N']]))
    const calls = new Set((await store.invocations.list({}, { limit: 1000 })).items.map(({ id }) => id))
    await store.close()
    expect(rows(path, 'PRAGMA integrity_check')).to.deep.equal([{ integrity_check: 'ok' }])
    await rm(after, { recursive: true })
    const lostCalls = Array.from({ length: acknowledged + 1 }, (_, n) => n).filter(
      n => isCall(n) && !calls.has(`call-${n}`)
    )
    const lostFunctions = latest(acknowledged)
      .filter(([name, n]) => !(Number(found.get(name)) >= n))
      .map(([name, n]) => `${name} is ${found.get(name)}, was acknowledged as ${n}`)
    return [...lostFunctions, ...lostCalls.map(n => `call-${n} is not there`)]
  }

  /** What is lost when the power fails after each of these, all that was not synced gone or what chance leaves of it. */
  async function sweep(ops: readonly DiskOp[], seed: number): Promise<{ cuts: number; losses: string[] }> {
    const disk = new ForgetfulDisk()
    const random = new Random(seed).next
    const losses: string[] = []
    let acknowledged = -1
    let cuts = 0
    for (const [n, op] of ops.entries()) {
      disk.apply(op)
      if (op.name === ACKS && op.kind === 'write') acknowledged = Number(op.data.toString())
      const isWorst = op.kind === 'sync' || op.name === ACKS // else it is as it was before
      for (const chance of isWorst ? [undefined, random] : [random]) {
        cuts++
        const found = await lost(disk, acknowledged, chance).catch((err: Error) => [err.message])
        losses.push(...found.map(text => `SEED=${seed}, after ${n} (${op.kind} ${op.name}): ${text}`))
      }
    }
    return { cuts, losses }
  }

  it('S2: loses no write that was acknowledged, at whatever moment it comes', async () => {
    const ops = await journalOf('')
    const seed = Number(process.env['SEED'] ?? 1)
    const { cuts, losses } = await sweep(ops, seed)
    process.stdout.write(`        ${ops.length} writes and syncs, ${cuts} losses of power\n`)
    expect(losses).to.deep.equal([])
    expect(ops.some(({ kind, name }) => kind === 'unlink' && name === `${DATABASE}-wal`)).to.equal(true)
    expect(ops.some(({ kind, name }) => kind === 'sync' && name === '')).to.equal(true)
  })

  it('S2: would lose some if commits were not synced', async () => {
    const disk = new ForgetfulDisk()
    let acknowledged = -1
    const losses: string[] = []
    for (const op of await journalOf('NORMAL')) {
      disk.apply(op)
      if (op.name !== ACKS) continue
      acknowledged = Number(op.data.toString())
      losses.push(...(await lost(disk, acknowledged)))
    }
    expect(losses).not.to.deep.equal([])
  })
})

/** The last acknowledged write of each function, when there were so many in all. */
function latest(acknowledged: number): [name: string, n: number][] {
  const last = new Map<string, number>()
  for (let n = 0; n <= acknowledged; n++) if (!isCall(n)) last.set(`fn-${n % 5}`, n)
  return [...last]
}
