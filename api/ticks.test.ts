import { expect } from 'chai'
import fc from 'fast-check'
import { parseCron } from './cron.ts'
import { ticksAfter } from './ticks.ts'
import { openTimeZone, type TimeZone, UTC } from './time-zone.ts'

function cronOf(text: string) {
  const reading = parseCron(text)
  if ('fault' in reading) throw new Error(reading.fault)
  return reading.cron
}

function zoneOf(name: string): TimeZone {
  const zone = openTimeZone(name)
  if (zone === undefined) throw new Error(`no zone ${name}`)
  return zone
}

/** Month, day and time in UTC. */
function ticks(text: string, zone: string, from: string, count: number): string {
  const found: string[] = []
  for (const tick of ticksAfter(cronOf(text), zoneOf(zone), Date.parse(from))) {
    found.push(new Date(tick).toISOString().slice(5, 16))
    if (found.length === count) break
  }
  return found.join(' ')
}

/** Where the clocks are set. What is expected was computed by croner 11.0.1. */
const CHANGES: [about: string, text: string, zone: string, from: string, ticks: string][] = [
  // Berlin, 29 March 2026: 02:00 is 03:00, at 01:00 UTC.
  [
    'a time of day that there is not comes when the clocks have been set',
    ...(['30 2 * * *', 'Europe/Berlin', '2026-03-28T00:00:00Z'] as const),
    '03-28T01:30 03-29T01:00 03-30T00:30'
  ],
  [
    'times that there are not are left out of several',
    ...(['0,30 2,3 * * *', 'Europe/Berlin', '2026-03-28T23:50:00Z'] as const),
    '03-29T01:00 03-29T01:30 03-30T00:00'
  ],
  [
    'what comes each half hour goes by the hours that pass',
    ...(['*/30 * * * *', 'Europe/Berlin', '2026-03-29T00:20:00Z'] as const),
    '03-29T00:30 03-29T01:00 03-29T01:30'
  ],
  // Berlin, 25 October 2026: 03:00 is 02:00, at 01:00 UTC.
  [
    'a time of day that there is twice comes at the first',
    ...(['30 2 * * *', 'Europe/Berlin', '2026-10-24T10:00:00Z'] as const),
    '10-25T00:30 10-26T01:30'
  ],
  [
    'of several, each comes at both',
    ...(['0,30 2 * * *', 'Europe/Berlin', '2026-10-24T10:00:00Z'] as const),
    '10-25T00:00 10-25T00:30 10-25T01:00 10-25T01:30 10-26T01:00'
  ],
  [
    'from within the second hour, what came at the first does not come again',
    ...(['30 2 * * *', 'Europe/Berlin', '2026-10-25T01:10:00Z'] as const),
    '10-26T01:30'
  ],
  [
    'half an hour is set as well',
    ...(['15 2 * * *', 'Australia/Lord_Howe', '2026-10-03T00:00:00Z'] as const),
    '10-03T15:30 10-04T15:15'
  ],
  [
    'midnight may be the time that there is not',
    ...(['0 0 * * *', 'America/Havana', '2026-03-07T00:00:00Z'] as const),
    '03-07T05:00 03-08T05:00 03-09T04:00'
  ]
]

describe('ticksAfter', () => {
  for (const [about, text, zone, from, expected] of CHANGES) {
    it(`${about}: ${text} in ${zone}`, () => {
      expect(ticks(text, zone, from, expected.split(' ').length)).to.equal(expected)
    })
  }

  it('goes by the clocks of the zone', () => {
    expect(ticks('0 9 * * MON', 'America/New_York', '2026-06-01T00:00:00Z', 2)).to.equal('06-01T13:00 06-08T13:00')
    expect(ticks('0 9 * * *', 'Asia/Kolkata', '2026-06-01T00:00:00Z', 1)).to.equal('06-01T03:30')
  })

  it('never goes back, and each tick follows from the one before', () => {
    const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Africa/Casablanca'].map(zoneOf)
    const texts = ['*/7 * * * *', '30 2 * * *', '0,30 1-3 * * *', '0 */5 1,15 * 2', '59 23 * * 0', '@monthly']
    const year = { min: Date.parse('2026-01-01'), max: Date.parse('2027-01-01') }
    fc.assert(
      fc.property(fc.constantFrom(...zones), fc.constantFrom(...texts), fc.integer(year), (zone, text, from) => {
        const cron = cronOf(text)
        let last = from
        let count = 0
        for (const tick of ticksAfter(cron, zone, from)) {
          expect(tick).to.be.above(last)
          expect(tick % 60_000).to.equal(0)
          const { value } = ticksAfter(cron, zone, last).next()
          expect(value).to.equal(tick)
          last = tick
          if (++count === 5) break
        }
        expect(count).to.equal(5)
      }),
      { numRuns: 300 }
    )
  })
})

describe('openTimeZone', () => {
  it('knows zones by their names, and nothing else', () => {
    expect(openTimeZone('UTC')).to.equal(UTC)
    expect(openTimeZone('Etc/GMT+5')?.offsetAt(0)).to.equal(-5 * 3_600_000)
    expect(openTimeZone('Europe/Berlin')?.offsetAt(Date.parse('2026-07-01T00:00:00.500Z'))).to.equal(7_200_000)
    expect(openTimeZone('Asia/Kathmandu')?.offsetAt(0)).to.equal(5.5 * 3_600_000)
    for (const name of ['', 'Europe/Atlantis', '+02:00', 'Europe/Berlin ', '../etc/passwd', 'local']) {
      expect(openTimeZone(name), name).to.equal(undefined)
    }
  })
})
