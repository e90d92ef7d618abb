import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import { PendingAsks } from './pending-asks.ts'

describe('whether the loop is about to look at a function, asked by a worker', () => {
  it('may be until it is answered, is asked once for all who wait, and the answer is for those alone', async () => {
    const asked: string[][] = []
    const woken: string[] = []
    const asks = new PendingAsks(
      keys => asked.push([...keys]),
      key => woken.push(`${key} ${asks.isPending(key)}`)
    )
    expect([asks.isPending('a'), asks.isPending('a'), asks.isPending('b')]).to.deep.equal([true, true, true])
    await turn()
    expect(asked).to.deep.equal([['a', 'b']])
    asks.answered([
      ['a', false],
      ['b', true]
    ])
    expect(woken).to.deep.equal(['a false'])
    expect([asks.isPending('a'), asks.isPending('b')]).to.deep.equal([true, true])
    await turn()
    expect(asked).to.deep.equal([
      ['a', 'b'],
      ['a', 'b']
    ])
  })
})
