import { expect } from 'chai'
import type { ContainerUsage } from '../../src/engine/engine.ts'
import { settle } from '../../test/helpers/manual-time.ts'
import { CpuReader } from './cpu.ts'

const NEVER = new AbortController().signal

/** A reader over readings that tests write down, on a clock that they move. */
class Bench {
  now = 1_000_000
  containers: string[] = ['a', 'b']
  readonly cpuNanos = new Map<string, number>()
  readonly failures: unknown[] = []
  reads = 0
  running = 0
  most = 0
  failure: Error | undefined
  readonly reader = new CpuReader({
    engine: { usage: id => this.#usage(id) },
    containersOf: () => this.containers,
    onFailure: err => this.failures.push(err),
    now: () => this.now
  })

  /** So many seconds in which each container uses so many thousandths of a core, and a reading. */
  async after(seconds: number, millicores: number): Promise<number | undefined> {
    this.now += seconds * 1000
    for (const id of this.containers) this.cpuNanos.set(id, (this.cpuNanos.get(id) ?? 0) + seconds * millicores * 1e6)
    await this.reader.read(['ns/fn'], NEVER)
    return this.reader.rateOf('ns/fn')
  }

  async #usage(id: string): Promise<ContainerUsage | undefined> {
    this.reads++
    this.most = Math.max(this.most, ++this.running)
    await settle()
    this.running--
    if (this.failure !== undefined) throw this.failure
    return { readAt: this.now, cpuNanos: this.cpuNanos.get(id) ?? 0, workingSetBytes: 0 }
  }
}

describe('CpuReader', () => {
  it('gives what all replicas use, when each was read twice', async () => {
    const bench = new Bench()
    expect(await bench.after(2, 300)).to.equal(undefined)
    expect(await bench.after(2, 300)).to.be.closeTo(600, 1e-6)
    expect(await bench.after(2, 50)).to.be.closeTo(100, 1e-6)
  })

  it('takes a new replica for like the others, and one that was started anew for new', async () => {
    const bench = new Bench()
    await bench.after(2, 300)
    bench.containers = ['a', 'b', 'c']
    expect(await bench.after(2, 300)).to.be.closeTo(900, 1e-6)
    bench.cpuNanos.set('a', 0)
    expect(await bench.after(2, 300)).to.be.closeTo(900, 1e-6)
  })

  it('knows nothing when a reading is old, or says of too long a time', async () => {
    const bench = new Bench()
    await bench.after(2, 300)
    await bench.after(2, 300)
    bench.now += 10_001
    expect(bench.reader.rateOf('ns/fn')).to.equal(undefined)
    expect(await bench.after(2, 300)).to.equal(undefined)
    expect(await bench.after(2, 300)).to.be.closeTo(600, 1e-6)
  })

  it('reads four containers at a time, and not again soon', async () => {
    const bench = new Bench()
    bench.containers = Array.from({ length: 12 }, (_, n) => `c${n}`)
    await bench.after(2, 100)
    await bench.after(1, 100)
    expect(bench.most).to.equal(4)
    expect(bench.reads).to.equal(12)
  })

  it('tells that it cannot read once, until it could', async () => {
    const bench = new Bench()
    bench.failure = new Error('away')
    for (let n = 0; n < 3; n++) await bench.after(2, 100)
    bench.failure = undefined
    await bench.after(2, 100)
    bench.failure = new Error('away again')
    await bench.after(2, 100)
    expect(bench.failures.map(err => (err as Error).message)).to.deep.equal(['away', 'away again'])
  })
})
