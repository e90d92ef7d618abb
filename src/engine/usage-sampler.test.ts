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
  reads: string[] = []
  running = 0
  most = 0
  readonly sampler = new UsageSampler({
    engine: { usage: id => this.#usage(id) },
    containersOf: key => this.containers[key] ?? [],
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
    await bench.time.advance(30_000)
    await bench.ask()
    expect(bench.reads).to.have.length(4)
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
    expect(bench.most).to.equal(4)
  })
})
