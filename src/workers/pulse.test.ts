import { expect } from 'chai'
import { ManualTime } from '../../test/helpers/manual-time.ts'
import { beatMs, Pulse } from './pulse.ts'

describe('the pulse of workers', () => {
  let time: ManualTime
  let hung: string[]
  let pulse: Pulse
  const begin = (timeoutMs: number) => {
    time = new ManualTime()
    hung = []
    pulse = new Pulse({
      timeoutMs,
      clock: time,
      timers: time,
      onHang: (worker, ms) => void hung.push(`${worker} ${ms}`)
    })
    pulse.start()
  }

  it('is missed of one that says nothing for so long, once', async () => {
    begin(30_000)
    for (const worker of [1, 2]) pulse.follow(worker)
    for (let n = 0; n < 29; n++) {
      await time.advance(1000)
      pulse.heard(1)
    }
    expect(hung).to.deep.equal([])
    await time.advance(20_000)
    expect(hung).to.deep.equal(['2 30000'])
    await time.advance(10_000)
    expect(hung).to.deep.equal(['2 30000', '1 30000'])
    await time.advance(100_000)
    expect(hung).to.have.length(2)
  })

  it('is not missed of one that does not run yet, or no more', async () => {
    begin(4000)
    pulse.heard(1)
    pulse.follow(2)
    pulse.forget(2)
    await time.advance(60_000)
    expect(hung).to.deep.equal([])
  })

  it('is not missed while this process did not get to run itself', async () => {
    begin(4000)
    pulse.follow(1)
    await time.advance(2000)
    time.stall(60_000)
    await time.advance(500)
    expect(hung).to.deep.equal([])
    pulse.heard(1)
    await time.advance(3000)
    expect(hung).to.deep.equal([])
    await time.advance(2000)
    expect(hung).to.have.length(1)
  })

  it('ends with its owner', async () => {
    begin(4000)
    pulse.follow(1)
    pulse.stop()
    await time.advance(60_000)
    expect([hung, time.pending]).to.deep.equal([[], 0])
  })

  it('beats several times before it is missed', () => {
    expect([30_000, 2000].map(beatMs)).to.deep.equal([5000, 500])
  })
})
