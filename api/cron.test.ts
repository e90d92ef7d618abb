import { expect } from 'chai'
import fc from 'fast-check'
import { comesEver, isTimeZone, readCron, type Ticks } from './cron.ts'

function ticksOf(text: string, zone = 'UTC'): Ticks {
  const reading = readCron(text, zone)
  if ('fault' in reading) throw new Error(reading.fault)
  return reading.ticks
}

function take(ticks: Iterable<number>, count: number): number[] {
  const found: number[] = []
  for (const tick of ticks) if (found.push(tick) === count) break
  return found
}

/** The first instants that the text names after 2026-01-01T00:00:30Z, in UTC. */
function first(text: string, count = 3): string[] {
  const ticks = take(ticksOf(text)(Date.parse('2026-01-01T00:00:30Z')), count)
  return ticks.map(tick => new Date(tick).toISOString().slice(0, 16))
}

/** Month, day and time in UTC. */
function ticks(text: string, zone: string, from: string, count: number): string {
  const found = take(ticksOf(text, zone)(Date.parse(from)), count)
  return found.map(tick => new Date(tick).toISOString().slice(5, 16)).join(' ')
}

/** Where the clocks are set. What is expected was worked out twice: by croner 11.0.1 and by code that knew nothing of it. */
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

describe('readCron', () => {
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
    ['constructor', 'must have five fields (minute hour day month weekday), and has 1'],
    ['2026-01-01T00:00:00', 'must have five fields (minute hour day month weekday), and has 1'],
    ['@every 5m', 'knows no @every; write five fields'],
    ['@reboot', 'knows no @reboot; write five fields'],
    ['@2026-01-01T00:00', 'knows no @2026-01-01T00:00; write five fields'],
    ['60 * * * *', 'has a minute that cannot be read, or is not within 0 to 59 from low to high, "60"'],
    ['0 24 * * *', 'has an hour that cannot be read, or is not within 0 to 23 from low to high, "24"'],
    ['0 0 0 * *', 'has a day that cannot be read, or is not within 1 to 31 from low to high, "0"'],
    ['0 0 * 13 *', 'has a month that cannot be read, or is not within 1 to 12 from low to high, "13"'],
    ['0 0 * * 8', 'has a weekday that cannot be read, or is not within 0 to 7 from low to high, "8"'],
    ['10-5 * * * *', 'has a minute that cannot be read, or is not within 0 to 59 from low to high, "10-5"'],
    ['*/0 * * * *', 'has a minute that cannot be read, or is not within 0 to 59 from low to high, "*/0"'],
    ['*/90 * * * *', 'has a minute that cannot be read, or is not within 0 to 59 from low to high, "*/90"'],
    ['/5 * * * *', 'has a minute that cannot be read, or is not within 0 to 59 from low to high, "/5"'],
    ['1,,2 * * * *', 'has a minute that cannot be read, or is not within 0 to 59 from low to high, "1,,2"'],
    ['0 0 L * *', 'has a day that cannot be read, or is not within 1 to 31 from low to high, "L"'],
    ['0 0 15W * *', 'has a day that cannot be read, or is not within 1 to 31 from low to high, "15W"'],
    ['0 0 * * 1#1', 'has a weekday that cannot be read, or is not within 0 to 7 from low to high, "1#1"'],
    ['0 0 * * FRIL', 'has a weekday that cannot be read, or is not within 0 to 7 from low to high, "FRIL"'],
    ['0 0 1 * +MON', 'has a weekday that cannot be read, or is not within 0 to 7 from low to high, "+MON"'],
    ['0 0 * FOO *', 'has a month that cannot be read, or is not within 1 to 12 from low to high, "FOO"'],
    ['1/2/3 * * * *', 'has a minute that cannot be read, or is not within 0 to 59 from low to high, "1/2/3"'],
    ['__proto__ * * * *', 'has a minute that cannot be read, or is not within 0 to 59 from low to high, "__proto__"'],
    ['1,60/5 * * * *', 'has a minute that cannot be read, or is not within 0 to 59 from low to high, "1,60/5"'],
    ['-1 * * * *', 'has a minute that cannot be read, or is not within 0 to 59 from low to high, "-1"']
  ]
  for (const [text, fault] of wrong) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      expect(readCron(text, 'UTC')).to.deep.equal({ fault })
    })
  }

  it('knows days that never come', () => {
    for (const text of ['0 0 30 2 *', '0 0 31 4,6,9,11 *']) {
      expect(comesEver(ticksOf(text)), text).to.equal(false)
      expect(first(text)).to.deep.equal([])
    }
    for (const text of ['0 0 29 2 *', '0 0 31 1,2 *', '0 0 30 2 1', '0 0 * 2 *']) {
      expect(comesEver(ticksOf(text)), text).to.equal(true)
      expect(first(text, 1)).to.have.length(1)
    }
  })

  it('names the first tick after an instant, to the millisecond', () => {
    for (const zone of ['UTC', 'Europe/Berlin']) {
      const following = (time: string) => ticks('*/5 * * * *', zone, `2026-06-01T12:${time}Z`, 1)
      expect(following('04:59.999')).to.equal('06-01T12:05')
      expect(following('05:00.000')).to.equal('06-01T12:10')
      expect(following('05:00.001')).to.equal('06-01T12:10')
    }
  })

  for (const [about, text, zone, from, expected] of CHANGES) {
    it(`${about}: ${text} in ${zone}`, () => {
      expect(ticks(text, zone, from, expected.split(' ').length)).to.equal(expected)
    })
  }

  it('goes by the clocks of the zone', () => {
    expect(ticks('0 9 * * MON', 'America/New_York', '2026-06-01T00:00:00Z', 2)).to.equal('06-01T13:00 06-08T13:00')
    expect(ticks('0 9 * * *', 'Asia/Kolkata', '2026-06-01T00:00:00Z', 1)).to.equal('06-01T03:30')
  })

  it('tells zones apart, and is the same however much was read meanwhile', () => {
    const nine = () => ['UTC', 'Asia/Tokyo'].map(zone => ticks('0 9 * * *', zone, '2026-06-01T12:00:00Z', 1))
    expect(nine()).to.deep.equal(['06-02T09:00', '06-02T00:00'])
    for (let n = 0; n < 200; n++) readCron(`${n % 60} ${n % 24} * * *`, 'UTC')
    expect(nine()).to.deep.equal(['06-02T09:00', '06-02T00:00'])
    expect(take(ticksOf('* * * * *')(30_000), 4500)[4499]).to.equal(4500 * 60_000)
  })

  it('never goes back, and each tick follows from the one before', () => {
    const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Africa/Casablanca']
    const texts = ['*/7 * * * *', '30 2 * * *', '0,30 1-3 * * *', '0 */5 1,15 * 2', '59 23 * * 0', '@monthly']
    const year = { min: Date.parse('2026-01-01'), max: Date.parse('2027-01-01') }
    fc.assert(
      fc.property(fc.constantFrom(...zones), fc.constantFrom(...texts), fc.integer(year), (zone, text, from) => {
        const following = ticksOf(text, zone)
        let last = from
        for (const tick of take(following(from), 5)) {
          expect(tick).to.be.above(last)
          expect(tick % 60_000).to.equal(0)
          expect(take(following(last), 1)).to.deep.equal([tick])
          last = tick
        }
        expect(take(following(from), 5)).to.have.length(5)
      }),
      { numRuns: 300 }
    )
  })
})

describe('isTimeZone', () => {
  it('knows zones by their names, and nothing else', () => {
    for (const name of ['UTC', 'Etc/GMT+5', 'Europe/Berlin', 'Asia/Kathmandu']) expect(isTimeZone(name)).to.equal(true)
    for (const name of ['', 'Europe/Atlantis', '+02:00', 'Europe/Berlin ', '../etc/passwd', 'local']) {
      expect(isTimeZone(name), name).to.equal(false)
    }
  })
})
