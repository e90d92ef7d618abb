import { expect } from 'chai'
import { ManualTime, settle } from '../../test/helpers/manual-time.ts'
import type { ContainerUsage } from './engine.ts'
import { UsageSampler } from './usage-sampler.ts'

/** A sampler over containers that use 250 thousandths of a core and 1 MiB each, on a clock that tests move. */
class Bench {
  readonly time = new ManualTime()
  containers: Record<string, string[]> = { 'ns/one': ['a', 'b'] }
  readonly gone = new Set<string>()
  readonly failing = new Set<string>()
  readonly hanging = new Set<string>()
  readonly failures: unknown[] = []
  /** What metrics were told of each function. */
  readonly cpu = new Map<string, number>()
  readonly memory = new Map<string, number>()
  reads: string[] = []
  /** How long a reading takes. */
  readMs = 0
  running = 0
  most = 0
  readonly sampler = new UsageSampler({
    engine: { usage: id => this.#usage(id) },
    containersOf: key => this.containers[key] ?? [],
    onCpu: (key, seconds) => this.cpu.set(key, (this.cpu.get(key) ?? 0) + seconds),
    onMemory: (key, bytes) => this.memory.set(key, bytes),
    onFailure: err => this.failures.push(err),
    now: this.time.monotonic,
    wait: (ms, signal) => this.#wait(ms, signal)
  })

  /** What the functions use, as somebody is told who waits for it. */
  async ask(keys: readonly string[] = Object.keys(this.containers)) {
    this.reads = []
    const asked = this.sampler.of(keys)
    for (let step = 0; step < 40; step++) await this.time.advance(100)
    return Object.fromEntries(await asked)
  }

  /** As Prometheus does it, some seconds after the last time. */
  async scrape(): Promise<void> {
    this.reads = []
    const read = this.sampler.read(Object.keys(this.containers))
    for (let step = 0; step < 120; step++) await this.time.advance(100)
    await read
  }

  async #wait(ms: number, signal?: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.time.set(resolve, ms)
      signal?.addEventListener('abort', () => reject(signal.reason))
    })
  }

  async #usage(id: string): Promise<ContainerUsage | undefined> {
    this.reads.push(id)
    this.most = Math.max(this.most, ++this.running)
    await settle()
    if (this.readMs > 0) await this.#wait(this.readMs)
    this.running--
    if (this.failing.has(id)) throw new Error(`no stats of ${id}`)
    if (this.hanging.has(id)) return new Promise(() => undefined)
    if (this.gone.has(id)) return undefined
    return { readAt: this.time.now(), cpuNanos: this.time.now() * 250_000, workingSetBytes: 2 ** 20 }
  }
}

describe('UsageSampler', () => {
  it('gives what all replicas use together, of two readings each', async () => {
    const bench = new Bench()
    expect(await bench.ask()).to.deep.equal({ 'ns/one': { cpuMillicores: 500, memoryBytes: 2 ** 21 } })
    expect(bench.reads.toSorted()).to.deep.equal(['a', 'a', 'b', 'b'])
  })

  it('reads a container once for all who ask within two seconds, and then once again', async () => {
    const bench = new Bench()
    const both = [bench.sampler.of(['ns/one']), bench.sampler.of(['ns/one'])]
    await bench.time.advance(600)
    for (const asked of both) expect((await asked).get('ns/one')?.cpuMillicores).to.equal(500)
    expect(bench.reads).to.have.length(4)
    expect((await bench.sampler.of(['ns/one'])).get('ns/one')?.cpuMillicores).to.equal(500)
    expect(bench.reads).to.have.length(4)
    await bench.time.advance(2000)
    expect(await bench.ask()).to.have.property('ns/one')
    expect(bench.reads.toSorted()).to.deep.equal(['a', 'b'])
  })

  it('compares with nothing that is long ago', async () => {
    const bench = new Bench()
    await bench.ask()
    await bench.time.advance(90_000)
    await bench.ask()
    expect(bench.reads).to.have.length(4)
  })

  it('tells metrics of CPU since the last look and of memory now, by one reading, however long ago the last was', async () => {
    const bench = new Bench()
    await bench.scrape()
    expect(bench.reads).to.have.length(2)
    expect(bench.memory.get('ns/one')).to.equal(2 ** 21)
    expect(bench.cpu.get('ns/one') ?? 0).to.equal(0)
    const from = bench.time.now()
    await bench.time.advance(60_000)
    await bench.scrape()
    expect(bench.reads).to.have.length(2)
    expect(bench.cpu.get('ns/one')).to.be.closeTo(36, 0.1)
    expect(bench.time.now() - from).to.be.below(80_000)
  })

  it('reads for metrics no more often than each ten seconds, and counts nothing twice that people look at', async () => {
    const bench = new Bench()
    await bench.scrape()
    await bench.ask()
    await bench.scrape()
    const counted = bench.cpu.get('ns/one') ?? 0
    expect(counted).to.be.within(0.1, ((bench.time.now() - 1_000_000) / 1000) * 0.5)
    await bench.scrape()
    await bench.sampler.read(['ns/one'])
    bench.reads = []
    await bench.sampler.read(['ns/one'])
    expect(bench.reads).to.deep.equal([])
  })

  it('reads for metrics first what was not read for longest, when it does not get to all', async () => {
    const bench = new Bench()
    bench.containers = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`ns/f${n}`, [`c${n}`]]))
    bench.readMs = 3000
    await bench.scrape()
    const first = [...bench.memory.keys()]
    expect(first.length).to.be.within(12, 48)
    bench.memory.clear()
    await bench.scrape()
    const second = [...bench.memory.keys()]
    expect(second.filter(key => first.includes(key)).length).to.be.below(first.length)
    expect(new Set([...first, ...second]).size).to.be.above(first.length)
  })

  it('tells no memory of a function that has a replica which cannot be read', async () => {
    const bench = new Bench()
    bench.failing.add('b')
    await bench.scrape()
    expect([...bench.memory]).to.deep.equal([])
  })

  it('leaves out a function that has a replica which cannot be read, and says so once', async () => {
    const bench = new Bench()
    bench.containers = { 'ns/one': ['a', 'b'], 'ns/other': ['c'] }
    bench.failing.add('b')
    expect(Object.keys(await bench.ask())).to.deep.equal(['ns/other'])
    bench.containers = { 'ns/one': ['a', 'b'] }
    expect(await bench.ask()).to.deep.equal({})
    expect(bench.failures.map(String)).to.include('Error: no stats of b')
    bench.failing.clear()
    expect(Object.keys(await bench.ask())).to.deep.equal(['ns/one'])
  })

  it('answers within its deadline, without what has not been read by then', async () => {
    const bench = new Bench()
    bench.containers = { 'ns/one': ['a'], 'ns/stuck': ['b'] }
    bench.hanging.add('b')
    expect(Object.keys(await bench.ask())).to.deep.equal(['ns/one'])
  })

  it('says nothing is used by a function without replicas, or whose replicas have ended', async () => {
    const bench = new Bench()
    bench.containers = { 'ns/zero': [], 'ns/ended': ['a'] }
    bench.gone.add('a')
    const none = { cpuMillicores: 0, memoryBytes: 0 }
    expect(await bench.ask()).to.deep.equal({ 'ns/zero': none, 'ns/ended': none })
  })

  it('reads few containers at the same time', async () => {
    const bench = new Bench()
    bench.containers = { 'ns/many': Array.from({ length: 40 }, (_, n) => `c${n}`) }
    expect((await bench.ask())['ns/many']?.cpuMillicores).to.equal(10_000)
    expect(bench.most).to.equal(12)
  })
})
