import { expect } from 'chai'
import fc from 'fast-check'
import { LogCursor } from './cursor.ts'

/** What an engine gives from `since` on: of the whole log, or from the first line on that is not older. */
const given = (log: readonly string[], since: string | undefined, isStrict: boolean) => {
  if (since === undefined) return log
  return isStrict ? log.filter(time => time >= since) : log.slice(log.findIndex(time => time >= since))
}

const read = (log: readonly string[], cursor: LogCursor, isStrict: boolean): string[] => {
  const { since } = cursor
  const isNew = since === undefined ? () => true : cursor.again()
  const fresh = given(log, since, isStrict).filter(time => isNew(time))
  for (const time of fresh) cursor.note(time)
  return fresh
}

describe('LogCursor', () => {
  for (const isStrict of [true, false]) {
    it(`reads on without a line twice or lost, ${isStrict ? 'older lines left out' : 'older lines given again'}`, () => {
      fc.assert(
        fc.property(fc.array(fc.array(fc.nat({ max: 3 }), { maxLength: 5 }), { maxLength: 6 }), parts => {
          const log: string[] = []
          const cursor = new LogCursor()
          for (const part of parts) {
            // Times do not go back between two readings: only the two streams of one writing may cross.
            const latest = log.reduce((a, b) => Math.max(a, Number(b)), 10)
            const added = part.map(ahead => `${latest + ahead}`)
            log.push(...added)
            expect(read(log, cursor, isStrict)).to.deep.equal(added)
          }
        })
      )
    })
  }

  it('tells lines apart that are older than the newest one', () => {
    const cursor = new LogCursor()
    for (const time of ['1', '3', '2', '3']) cursor.note(time)
    expect(cursor.since).to.equal('3')
    const again = cursor.again()
    expect(['3', '2', '3', '3', '2', '4'].map(time => again(time))).to.deep.equal([
      false,
      false,
      false,
      true,
      true,
      true
    ])
    const filtered = cursor.again()
    expect(['3', '3', '4'].map(time => filtered(time))).to.deep.equal([false, false, true])
  })

  it('takes lines that stay older for those of a clock that was set back', () => {
    const cursor = new LogCursor()
    cursor.note('9')
    for (let n = 0; n < 1001; n++) cursor.note('5')
    expect(cursor.since).to.equal('5')
  })
})
