import { expect } from 'chai'
import { systemClock } from '../clock.ts'
import { CallRuns } from './call-runs.ts'

describe('runs of asynchronous calls', () => {
  it('leaves nothing behind of a wait, and waits no more once it was told to end', async () => {
    const { addEventListener, removeEventListener } = AbortSignal.prototype
    let listeners = 0
    AbortSignal.prototype.addEventListener = function (...args: Parameters<typeof addEventListener>) {
      listeners++
      addEventListener.apply(this, args)
    }
    AbortSignal.prototype.removeEventListener = function (...args: Parameters<typeof removeEventListener>) {
      listeners--
      removeEventListener.apply(this, args)
    }
    try {
      const runs = new CallRuns({
        store: { renew: async () => undefined, takeBack: async () => [] },
        ...{ owner: 'me', clock: systemClock, leaseMs: 60_000, log: { warn: () => undefined, error: () => undefined } },
        onBack: () => undefined
      })
      for (let i = 0; i < 3; i++) await runs.pause(1)
      expect(listeners).to.equal(0)
      const long = runs.pause(3_600_000)
      runs.abortAll(new Error('the end'))
      await Promise.all([long, runs.pause(3_600_000)])
      expect(listeners).to.equal(0)
    } finally {
      Object.assign(AbortSignal.prototype, { addEventListener, removeEventListener })
    }
  })
})
