import { expect } from 'chai'
import { EngineHealth } from './health.ts'

describe('EngineHealth', () => {
  it('tells of each change once, and keeps the version through an outage', () => {
    const health = new EngineHealth({ now: () => 0, monotonic: () => 0 })
    const told: boolean[] = []
    health.onChange(reachable => told.push(reachable))
    health.answers()
    health.identified({ version: '26.1.5' } as never)
    health.answers()
    health.isAway('ping ended with timeout')
    health.isAway('ping ended with unavailable')
    expect(health.state).to.deep.equal({ reachable: false, version: '26.1.5', error: 'ping ended with unavailable' })
    health.answers()
    expect(health.state).to.deep.equal({ reachable: true, version: '26.1.5' })
    expect(told).to.deep.equal([true, false, true])
  })

  it('D15: knows since when the engine has answered, on whatever the clock says now', () => {
    let [now, monotonic] = [1_000_000, 50]
    const health = new EngineHealth({ now: () => now, monotonic: () => monotonic })
    health.answers()
    now += 1000 - 3_600_000
    monotonic += 1000
    expect(health.since).to.equal(now)
  })

  it('tells it by the clock of the engine, a second late', () => {
    const health = new EngineHealth({ now: () => 1_000_000, monotonic: () => 0 })
    health.clockIsAhead(-600_000)
    health.answers()
    expect(health.since).to.equal(401_000)
  })
})
