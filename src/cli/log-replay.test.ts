import { expect } from 'chai'
import fc from 'fast-check'
import type { LogMessage } from '../../api/log-line.ts'
import { LogReplay } from './log-replay.ts'

const START = Date.parse('2026-01-01T00:00:00Z')
const line = (seconds: number, text = 'x', instance = 'a-0'): LogMessage => ({
  ...{ name: 'a', namespace: 'n', instance, text },
  timestamp: new Date(START + seconds * 1000).toISOString()
})

describe('lines of a stream that breaks off', () => {
  it('goes on from a little before the newest line, and nowhere when there was none', () => {
    const replay = new LogReplay()
    expect(replay.resume()).to.equal(undefined)
    replay.take(line(60))
    replay.take(line(58))
    expect(replay.resume()).to.equal('2026-01-01T00:00:55.000Z')
  })

  it('tells equal lines as often as they were written', () => {
    const replay = new LogReplay()
    expect([replay.take(line(1)), replay.take(line(1))]).to.deep.equal([true, true])
    replay.resume()
    expect([replay.take(line(1)), replay.take(line(1)), replay.take(line(1))]).to.deep.equal([false, false, true])
  })

  it('does not tell what --tail left out, however zeros are written at the end of a time', () => {
    const replay = new LogReplay()
    replay.take({ ...line(0), timestamp: '2026-01-01T00:00:00.5Z' })
    replay.resume()
    expect(replay.take({ ...line(0, 'older'), timestamp: '2026-01-01T00:00:00.45Z' })).to.equal(false)
    expect(replay.take({ ...line(0, 'newer'), timestamp: '2026-01-01T00:00:00.500000001Z' })).to.equal(true)
    expect(replay.take(line(-9, 'of another', 'a-1'))).to.equal(true)
  })

  it('tells each line once wherever streams break, when lines are at most five seconds out of order', () => {
    const lines = fc
      .array(fc.record({ at: fc.nat(60), late: fc.nat(4), text: fc.nat(2), replica: fc.nat(1) }), { maxLength: 60 })
      .map(all => [...all].sort((a, b) => a.at - b.at))
    fc.assert(
      fc.property(lines, fc.array(fc.nat(60), { maxLength: 4 }), (written, cuts) => {
        const all = written.map(({ at, late, text, replica }) => line(100 + at - late, `${text}`, `a-${replica}`))
        // No --tail in this one: each replica begins with a line older than the others.
        const stream = [line(0, 'start', 'a-0'), line(0, 'start', 'a-1'), ...all]
        const replay = new LogReplay()
        const told: LogMessage[] = []
        let from = Number.NEGATIVE_INFINITY
        for (const cut of [...cuts.sort((a, b) => a - b), stream.length]) {
          for (const next of stream.slice(0, cut).filter(({ timestamp }) => Date.parse(timestamp) >= from)) {
            if (replay.take(next)) told.push(next)
          }
          from = Date.parse(replay.resume() ?? '') || Number.NEGATIVE_INFINITY
        }
        expect(told).to.deep.equal(stream)
      })
    )
  })
})
