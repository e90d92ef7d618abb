import { expect } from 'chai'
import { Breaker } from './breaker.ts'
import { EngineError, type EngineFault } from './faults.ts'

describe('Breaker', () => {
  let now = 0
  let calls = 0
  let breaker: Breaker

  beforeEach(() => {
    now = 0
    calls = 0
    breaker = new Breaker({ threshold: 3, cooldownMs: 1000, monotonic: () => now })
  })

  const ask = (fault?: EngineFault) =>
    breaker
      .run('container_list', async () => {
        calls++
        if (fault !== undefined) throw new EngineError('container_list', fault, 'refused')
        return 'answer'
      })
      .catch((err: EngineError) => err.fault)

  async function open(): Promise<void> {
    for (let n = 0; n < 3; n++) await ask(n % 2 === 0 ? 'timeout' : 'unavailable')
    calls = 0
  }

  it('fails fast, without a call, after so many calls in a row without an answer', async () => {
    await open()
    expect(await ask()).to.equal('unavailable')
    expect(calls).to.equal(0)
  })

  it('stays closed when answers come in between, refusals among them', async () => {
    for (const fault of ['timeout', 'timeout', 'not-found', 'timeout', 'timeout', undefined, 'timeout'] as const) {
      await ask(fault)
    }
    expect(breaker.isOpen).to.equal(false)
  })

  it('takes no news of calls that their caller aborted', async () => {
    for (let n = 0; n < 5; n++) await ask('aborted')
    expect(breaker.isOpen).to.equal(false)
  })

  it('lets one call through at a time when it has cooled down, and closes when that is answered', async () => {
    await open()
    now = 1000
    const probe = Promise.withResolvers<string>()
    const probing = breaker.run('info', () => probe.promise)
    expect(await ask()).to.equal('unavailable')
    probe.resolve('back')
    expect(await probing).to.equal('back')
    expect(await ask()).to.equal('answer')
  })

  it('cools down again when the call that it let through is not answered', async () => {
    await open()
    now = 1000
    expect(await ask('timeout')).to.equal('timeout')
    now = 1999
    expect(await ask()).to.equal('unavailable')
    now = 2000
    expect(await ask()).to.equal('answer')
  })

  it('lets the next call through when the one that it let through was aborted', async () => {
    await open()
    now = 1000
    await ask('aborted')
    expect(await ask()).to.equal('answer')
  })

  it('closes at once when a call that is always let through is answered', async () => {
    await open()
    await breaker.pass(async () => undefined)
    expect(await ask()).to.equal('answer')
  })

  it('lets nothing through after a missed heartbeat, until one is answered', async () => {
    breaker.beat(new EngineError('ping', 'timeout', 'timed out'))
    now = 10_000
    expect([await ask(), calls]).to.deep.equal(['unavailable', 0])
    breaker.beat()
    expect(await ask()).to.equal('answer')
  })

  it('gives up the calls that run when a heartbeat is missed', async () => {
    const running = breaker.run('container_list', async givenUp => {
      await new Promise(resolve => givenUp.addEventListener('abort', resolve))
      throw new EngineError('container_list', 'unavailable', 'given up')
    })
    breaker.beat(new EngineError('ping', 'timeout', 'timed out'))
    expect(await running.catch((err: EngineError) => err.fault)).to.equal('unavailable')
  })

  it('stays open for calls that go unanswered though heartbeats are answered', async () => {
    await open()
    breaker.beat()
    expect([await ask(), calls]).to.deep.equal(['unavailable', 0])
  })

  it('tells once when it opens, and once when it closes', async () => {
    const told: boolean[] = []
    breaker = new Breaker({ threshold: 3, monotonic: () => now, onChange: isOpen => told.push(isOpen) })
    await open()
    breaker.beat(new EngineError('ping', 'timeout', 'timed out'))
    await ask('timeout')
    breaker.beat()
    await ask()
    expect(told).to.deep.equal([true, false])
  })
})
