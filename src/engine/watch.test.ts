import { expect } from 'chai'
import type { EngineEvent } from './engine.ts'
import { EngineError } from './faults.ts'
import { EngineWatcher } from './watch.ts'

const DOWN = new EngineError('events', 'unavailable', 'no engine')
const START: EngineEvent = { kind: 'container', action: 'start', id: 'c', labels: {} }

/** A watcher in virtual time: each wait passes at once; `streams` says what connection n does. */
function aWatcher(streams: (n: number, stop: () => void) => AsyncIterable<EngineEvent>) {
  const stopping = new AbortController()
  const log: string[] = []
  const waits: number[] = []
  let now = 0
  let n = 0
  const watcher: EngineWatcher = new EngineWatcher({
    engine: { watch: () => streams(n++, () => stopping.abort()) },
    onConnected: () => log.push(`connected ${watcher.connected}`),
    onEvent: event => log.push(event.kind),
    onDisconnected: () => log.push(`disconnected ${watcher.connected}`),
    random: () => 0.999,
    monotonic: () => now,
    wait: async ms => {
      if (ms === 1000) return // the second look
      waits.push(ms)
      now += ms
    }
  })
  return { watcher, log, waits, signal: stopping.signal, pass: (ms: number) => (now += ms) }
}

const settled = () => new Promise(resolve => setImmediate(resolve))

describe('EngineWatcher', () => {
  it('asks for a look at everything at each connection and once more when the engine has subscribed', async () => {
    const { watcher, log, signal } = aWatcher(async function* (_, stop) {
      yield { kind: 'connected' }
      await settled()
      yield START
      stop()
    })
    await watcher.run(signal)
    expect(log).to.deep.equal(['connected true', 'connected true', 'container'])
    expect(watcher.connected).to.equal(false)
  })

  it('connects again after the stream broke', async () => {
    const { watcher, log, signal } = aWatcher(async function* (n, stop) {
      yield { kind: 'connected' }
      await settled()
      if (n === 1) return stop()
      throw DOWN
    })
    await watcher.run(signal)
    expect(log).to.deep.equal([
      ...['connected true', 'connected true', 'disconnected false'],
      ...['connected true', 'connected true']
    ])
  })

  it('D4: waits longer each time, at most 30 s, through an outage of 24 hours, and recovers', async () => {
    let failed = 0
    const { watcher, log, waits, signal } = aWatcher(async function* (_, stop) {
      if (waits.reduce((sum, ms) => sum + ms, 0) < 24 * 3600_000) {
        failed++
        throw DOWN
      }
      yield { kind: 'connected' }
      stop()
    })
    await watcher.run(signal)
    expect(waits.slice(0, 4).map(Math.round)).to.deep.equal([999, 1998, 3996, 7992])
    expect(Math.max(...waits)).to.be.at.most(30_000)
    expect(failed).to.be.within(2880, 2900)
    expect(log.at(-1)).to.equal('connected true')
  })

  it('does not hurry to an engine that drops each connection, but does to one that held it', async () => {
    const fake = aWatcher(async function* (n, stop) {
      yield { kind: 'connected' }
      if (n === 3) fake.pass(60_000)
      if (n === 4) return stop()
      throw DOWN
    })
    await fake.watcher.run(fake.signal)
    expect(fake.waits.map(Math.round)).to.deep.equal([999, 1998, 3996, 500])
  })

  it('connects anew at once when it is told to, out of a stream that says nothing and out of a wait', async () => {
    const stopping = new AbortController()
    let connects = 0
    const watcher = new EngineWatcher({
      engine: {
        watch: async function* (signal) {
          connects++
          if (connects === 1) throw DOWN
          yield { kind: 'connected' }
          if (!signal.aborted) await new Promise(resolve => signal.addEventListener('abort', resolve))
        }
      },
      onConnected: () => (connects === 3 ? stopping.abort() : setImmediate(() => watcher.reconnect())),
      onEvent: () => undefined,
      onDisconnected: () => setImmediate(() => watcher.reconnect()),
      random: () => 1
    })
    const started = performance.now()
    await watcher.run(stopping.signal)
    expect(connects).to.equal(3)
    expect(performance.now() - started).to.be.below(500)
  })

  it('ends at once when it is told to, also while it waits', async () => {
    const stopping = new AbortController()
    const watcher = new EngineWatcher({
      engine: {
        watch: () => {
          throw DOWN
        }
      },
      onConnected: () => undefined,
      onEvent: () => undefined,
      onDisconnected: () => setImmediate(() => stopping.abort()),
      random: () => 1
    })
    const started = performance.now()
    await watcher.run(stopping.signal)
    expect(performance.now() - started).to.be.below(500)
  })
})
