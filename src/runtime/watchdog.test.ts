import { expect } from 'chai'
import { silentLogger } from '../logging/logger.ts'
import { Watchdog } from './watchdog.ts'

describe('Watchdog', () => {
  it('C4: tells of each time that its timer is late by a second or more, until it is stopped', () => {
    let now = 0
    let due: (() => void) | undefined
    const stalls: number[] = []
    const watchdog = new Watchdog({
      clock: { monotonic: () => now },
      log: silentLogger,
      onStall: seconds => stalls.push(seconds),
      timers: { set: run => (due = run), clear: () => (due = undefined) }
    })
    watchdog.start()
    for (const ms of [500, 1400, 5500, 500, 1500]) {
      now += ms
      due?.()
    }
    expect(stalls).to.deep.equal([5, 1])
    watchdog.stop()
    expect(due).to.equal(undefined)
  })
})
