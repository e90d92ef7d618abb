import { expect } from 'chai'
import { CautiousClock } from './cautious-clock.ts'

const HOUR_MS = 3_600_000

describe('cautious clock', () => {
  it('D15: goes on from where it was for an hour after the clock was set ahead, and follows one that is set back', () => {
    const state = { wall: 1_000_000, at: 0 }
    const clock = new CautiousClock({ now: () => state.wall, monotonic: () => state.at })
    const pass = (ms: number) => {
      state.wall += ms
      state.at += ms
    }
    pass(60_000)
    expect(clock.now()).to.equal(1_060_000)
    state.wall += 30 * 24 * HOUR_MS
    for (let i = 1; i <= 59; i++) {
      pass(60_000)
      expect(clock.now()).to.equal(1_060_000 + i * 60_000)
    }
    const before = state.wall
    state.wall -= 30 * 24 * HOUR_MS
    expect(clock.now()).to.equal(state.wall)
    state.wall = before
    clock.now()
    pass(HOUR_MS)
    expect(clock.now()).to.equal(state.wall)
  })
})
