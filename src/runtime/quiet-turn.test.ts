import { expect } from 'chai'
import { quietTurn } from './quiet-turn.ts'

describe('quietTurn', () => {
  it('resolves soon when nothing happens', async () => {
    await quietTurn(60_000)
  })

  it('gives up when something happens in every turn', async () => {
    let isBusy = true
    const busy = () => {
      const end = performance.now() + 0.5
      while (performance.now() < end);
      if (isBusy) setImmediate(busy)
    }
    busy()
    const began = performance.now()
    await quietTurn(50)
    isBusy = false
    expect(performance.now() - began).to.be.at.least(50)
  })
})
