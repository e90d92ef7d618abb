import { expect } from 'chai'
import fc from 'fast-check'
import { ActiveCalls } from './active-calls.ts'

describe('active calls', () => {
  it('are those that were added and not deleted, in whatever order that happens', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(9)), numbers => {
        const all = Array.from({ length: 10 }, (_, n) => ({ n, place: 0 }))
        const [calls, expected] = [new ActiveCalls<(typeof all)[number]>(), new Set<number>()]
        for (const call of numbers.flatMap(n => all[n] ?? [])) {
          if (expected.delete(call.n)) calls.delete(call)
          else {
            calls.add(call)
            expected.add(call.n)
          }
        }
        expect(calls.size).to.equal(expected.size)
        expect(calls.list().map(({ n }) => n)).to.have.members([...expected])
      })
    )
  })

  it('can be deleted once, and while they are gone through', () => {
    const calls = new ActiveCalls<{ place: number }>()
    const [one, other] = [{ place: 0 }, { place: 0 }]
    for (const call of [one, other]) calls.add(call)
    calls.delete(one)
    calls.delete(one)
    expect(calls.list()).to.deep.equal([other])
    for (const call of calls.list()) calls.delete(call)
    expect(calls.size).to.equal(0)
  })
})
