import { expect } from 'chai'
import { Places } from './places.ts'

describe('Places', () => {
  it('are given to so many at a time, half of them to those of one token, and come back when one leaves', () => {
    const taken: number[] = []
    let refused = 0
    const places = new Places({ max: 3, onTaken: count => taken.push(count), onRefused: () => refused++ })
    const take = (tokenId?: string) => {
      const left = new AbortController()
      return places.take(tokenId, left.signal) ? () => left.abort() : undefined
    }
    const [first, second] = [take('a'), take('a')]
    expect(take('a'), 'a third of one token').to.equal(undefined)
    expect(take(), 'somebody else').not.to.equal(undefined)
    expect(take('b'), 'the fourth').to.equal(undefined)
    first?.()
    first?.()
    expect(take('b')).not.to.equal(undefined)
    second?.()
    expect(take('a')).not.to.equal(undefined)
    expect([taken, refused]).to.deep.equal([[1, 2, 3, 2, 3, 2, 3], 2])
  })

  it('counts nobody who has left already', () => {
    const places = new Places({ max: 1, onTaken: () => expect.fail('was counted'), onRefused: () => undefined })
    expect(places.take('a', AbortSignal.abort())).to.equal(true)
  })
})
