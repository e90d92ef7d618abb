import { expect } from 'chai'
import { comesEver, parseCron } from './cron.ts'
import { ticksAfter } from './ticks.ts'
import { UTC } from './time-zone.ts'

/** The first instants that the text names after 2026-01-01T00:00:30Z, in UTC; or what is wrong with it. */
function first(text: string, count = 3): string[] {
  const reading = parseCron(text)
  if ('fault' in reading) return [reading.fault]
  const found: string[] = []
  for (const tick of ticksAfter(reading.cron, UTC, Date.parse('2026-01-01T00:00:30Z'))) {
    found.push(new Date(tick).toISOString().slice(0, 16))
    if (found.length === count) break
  }
  return found
}

describe('parseCron', () => {
  const known: [text: string, ...first: string[]][] = [
    ['* * * * *', '2026-01-01T00:01', '2026-01-01T00:02'],
    ['*/5 * * * *', '2026-01-01T00:05', '2026-01-01T00:10'],
    ['5/20 * * * *', '2026-01-01T00:05', '2026-01-01T00:25', '2026-01-01T00:45'],
    ['0-59/7 * * * *', '2026-01-01T00:07', '2026-01-01T00:14'],
    ['0 9-17/4,23 * * *', '2026-01-01T09:00', '2026-01-01T13:00', '2026-01-01T17:00', '2026-01-01T23:00'],
    ['0 0 ? * MON-FRI', '2026-01-02T00:00', '2026-01-05T00:00'],
    ['0 0 * * 7', '2026-01-04T00:00', '2026-01-11T00:00'],
    ['0 0 * * fri-sun', '2026-01-02T00:00', '2026-01-03T00:00', '2026-01-04T00:00', '2026-01-09T00:00'],
    ['0 0 29 feb *', '2028-02-29T00:00', '2032-02-29T00:00'],
    ['0 0 13 * 5', '2026-01-02T00:00', '2026-01-09T00:00', '2026-01-13T00:00'],
    ['@hourly', '2026-01-01T01:00', '2026-01-01T02:00'],
    ['@Daily', '2026-01-02T00:00'],
    ['@yearly', '2027-01-01T00:00', '2028-01-01T00:00']
  ]
  for (const [text, ...ticks] of known) {
    it(`reads ${text}`, () => {
      expect(first(text, ticks.length)).to.deep.equal(ticks)
    })
  }

  const wrong: [text: string, fault: string][] = [
    ['* * * *', 'must have five fields (minute hour day month weekday), and has 4'],
    ['* * * * * *', 'must have five fields (minute hour day month weekday), and has 6'],
    ['', 'must have five fields (minute hour day month weekday), and has 1'],
    ['@every 5m', 'knows no @every; write five fields'],
    ['60 * * * *', 'has a minute that is not within 0 to 59, "60"'],
    ['0 24 * * *', 'has a hour that is not within 0 to 23, "24"'],
    ['0 0 0 * *', 'has a day that is not within 1 to 31, "0"'],
    ['0 0 * 13 *', 'has a month that is not within 1 to 12, "13"'],
    ['0 0 * * 8', 'has a weekday that is not within 0 to 7, "8"'],
    ['10-5 * * * *', 'has a minute that ends before it begins, "10-5"'],
    ['*/0 * * * *', 'has a minute that cannot be read, "*/0"'],
    ['1,,2 * * * *', 'has a minute that cannot be read, ""'],
    ['0 0 L * *', 'has a day that cannot be read, "L"'],
    ['0 0 * * 1#1', 'has a weekday that cannot be read, "1#1"'],
    ['1/2/3 * * * *', 'has a minute that cannot be read, "1/2/3"'],
    ['constructor', 'must have five fields (minute hour day month weekday), and has 1'],
    ['__proto__ * * * *', 'has a minute that cannot be read, "__proto__"'],
    ['-1 * * * *', 'has a minute that cannot be read, "-1"']
  ]
  for (const [text, fault] of wrong) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      expect(first(text)).to.deep.equal([fault])
    })
  }

  it('knows days that never come', () => {
    for (const text of ['0 0 30 2 *', '0 0 31 4,6,9,11 *']) {
      const reading = parseCron(text)
      expect('cron' in reading && comesEver(reading.cron), text).to.equal(false)
      expect(first(text)).to.deep.equal([])
    }
    for (const text of ['0 0 29 2 *', '0 0 31 1,2 *', '0 0 30 2 1', '0 0 * 2 *']) {
      const reading = parseCron(text)
      expect('cron' in reading && comesEver(reading.cron), text).to.equal(true)
      expect(first(text, 1)).to.have.length(1)
    }
  })
})
