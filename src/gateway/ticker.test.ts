import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { eventually } from '../../test/helpers/data-plane.ts'
import { Ticker } from './ticker.ts'

describe('Ticker', () => {
  it('ticks for its calls, and not when there are none', async () => {
    const ticker = new Ticker(5)
    let looks = 0
    const call = { checkStall: () => looks++ }
    ticker.add(call)
    await eventually(() => looks >= 3)
    ticker.delete(call)
    const { tick } = ticker
    await sleep(100)
    expect(ticker.tick, 'one more at most').to.be.at.most(tick + 1)
    ticker.add(call)
    const before = looks
    await eventually(() => looks > before)
    ticker.stop()
  })
})
