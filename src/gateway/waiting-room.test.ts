import { expect } from 'chai'
import { eventually } from '../../test/helpers/data-plane.ts'
import { type Guest, WaitingRoom } from './waiting-room.ts'

describe('WaitingRoom', () => {
  let said: string[]
  let counts: number[]
  let mustWait: boolean
  let room: WaitingRoom
  const guest = (name: string, waitMs = 60_000, onTurn?: () => void): Guest => ({
    waitUntil: performance.now() + waitMs,
    bytes: 10,
    onTurn: () => {
      said.push(`${name} turn`)
      onTurn?.()
    },
    onExpired: () => said.push(`${name} expired`),
    onRemoved: () => said.push(`${name} removed`)
  })

  beforeEach(() => {
    said = []
    counts = []
    mustWait = true
    room = new WaitingRoom({
      perKey: { guests: 3, bytes: 100 },
      total: { guests: 4, bytes: 120 },
      now: () => performance.now(),
      mustWait: () => mustWait,
      onCount: n => counts.push(n)
    })
  })
  afterEach(() => {
    room.evict('k')
    room.evict('l')
  })

  it('lets the guests of a key look again in order, and only those', () => {
    for (const name of ['a', 'b']) room.enter('k', guest(name))
    room.enter('l', guest('c'))
    room.wake('k')
    expect(said).to.deep.equal(['a turn', 'b turn'])
    expect([room.size, counts]).to.deep.equal([1, [1, 2, 3, 2, 1]])
  })

  it('has places for each key and in all', () => {
    expect(['a', 'b', 'c', 'd'].map(n => room.enter('k', guest(n)))).to.deep.equal([true, true, true, false])
    expect(['e', 'f'].map(n => room.enter('l', guest(n)))).to.deep.equal([true, false])
  })

  it('has room for so many bytes for each key and in all, and gets it back', () => {
    const large = (name: string, bytes: number): Guest => ({ ...guest(name), bytes })
    const first = large('a', 60)
    expect([room.enter('k', first), room.enter('k', large('b', 50)), room.enter('l', large('c', 70))]).to.deep.equal([
      true,
      false,
      false
    ])
    room.leave('k', first)
    expect([room.enter('k', large('b', 50)), room.enter('l', large('c', 70))]).to.deep.equal([true, true])
  })

  it('lets many through step by step, in order, and keeps those who have to wait again by then', async () => {
    const crowd = new WaitingRoom({
      ...{ perKey: { guests: 1000, bytes: 10_000 }, total: { guests: 1000, bytes: 10_000 } },
      ...{ now: () => performance.now(), mustWait: () => mustWait, onCount: () => undefined }
    })
    const names = Array.from({ length: 500 }, (_, n) => String(n))
    for (const name of names) crowd.enter('k', guest(name))
    mustWait = false
    crowd.wake('k')
    crowd.wake('k')
    expect(said).to.have.length(200)
    await eventually(() => said.length === 400)
    mustWait = true
    await eventually(() => crowd.size === 100)
    mustWait = false
    await eventually(() => crowd.size === 0)
    expect(said).to.deep.equal(names.map(name => `${name} turn`))
  })

  it('does not wake a guest twice for one change when it enters again', () => {
    const again = guest('a', 60_000, () => room.enter('k', again))
    room.enter('k', again)
    room.wake('k')
    expect(said).to.deep.equal(['a turn'])
    expect(room.size).to.equal(1)
  })

  it('does not call a guest that an earlier guest sent away', () => {
    const second = guest('b')
    room.enter(
      'k',
      guest('a', 60_000, () => room.leave('k', second))
    )
    room.enter('k', second)
    room.wake('k')
    expect(said).to.deep.equal(['a turn'])
  })

  it('tells a guest once that its time is over, and gives its place away', async () => {
    room.enter('k', guest('a', 10))
    await eventually(() => said.length > 0)
    expect([said, room.size, room.leave('k', guest('a'))]).to.deep.equal([['a expired'], 0, false])
  })

  it('notices without a word from anybody that nobody has to wait any more', async () => {
    room.enter('k', guest('a'))
    mustWait = false
    await eventually(() => said.length > 0)
    expect(said).to.deep.equal(['a turn'])
  })
})
