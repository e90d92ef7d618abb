import { expect } from 'chai'
import fc from 'fast-check'
import { delayOf, scheduleFaults, schedulingOf, tickKey } from './schedule.ts'

const P = 'com.docker-faas.schedule.'
const CRON = { topic: 'cron-function', schedule: '*/5 * * * *' }

function messages(annotations: Record<string, string>): string[] {
  return scheduleFaults({ ...CRON, ...annotations }).map(({ message }) => message)
}

describe('the schedules of a function', () => {
  it('are those of OpenFaaS, in UTC, one call at a time, and once for all that were missed', () => {
    const scheduling = schedulingOf({
      topic: 'orders, cron-function',
      schedule: ' 0 9  * * 1 ;*/5 * * * *; 0 9 * * 1;'
    })
    expect(scheduling?.schedules.map(({ text }) => text)).to.deep.equal(['0 9 * * 1', '*/5 * * * *'])
    expect(scheduling).to.include({ timezone: 'UTC', concurrency: 'forbid', isSuspended: false })
    expect(scheduling?.catchUpMs).to.equal(Number.POSITIVE_INFINITY)
  })

  it('are none without the topic, whatever the schedule says', () => {
    for (const annotations of [
      {},
      { schedule: 'x' },
      { topic: 'orders', schedule: 'x' },
      { topic: 'cron-functions' }
    ]) {
      expect(schedulingOf(annotations)).to.equal(undefined)
      expect(scheduleFaults(annotations)).to.deep.equal([])
    }
  })

  it('are none where one of the annotations cannot be: nothing runs at the wrong time', () => {
    expect(schedulingOf({ ...CRON, [`${P}timezone`]: 'Mars' })).to.equal(undefined)
    expect(schedulingOf({ ...CRON, schedule: '*/5 * * * *;x' })).to.equal(undefined)
  })

  it('have settings', () => {
    const settings = { timezone: 'Europe/Berlin', concurrency: 'allow', 'catch-up': '10m', suspend: 'true' }
    const named = Object.fromEntries(Object.entries(settings).map(([name, value]) => [`${P}${name}`, value]))
    const scheduling = schedulingOf({ ...CRON, ...named })
    expect(scheduling).to.include({
      ...{ timezone: 'Europe/Berlin', concurrency: 'allow', catchUpMs: 600_000, isSuspended: true }
    })
    expect(schedulingOf({ ...CRON, [`${P}catch-up`]: 'none' })?.catchUpMs).to.equal(15_000)
    expect(schedulingOf({ ...CRON, [`${P}catch-up`]: '1s' })?.catchUpMs, 'a busy host is no downtime').to.equal(15_000)
  })

  const wrong: [annotations: Record<string, string>, message: string][] = [
    [{ schedule: '' }, 'schedule must say when, as topic has cron-function: for example "*/5 * * * *", got ""'],
    [
      { schedule: '* * *' },
      'schedule must have five fields (minute hour day month weekday), and has 3, as in "*/5 * * * *", got "* * *"'
    ],
    [
      { schedule: '@every 5m' },
      'schedule knows no @every; write five fields, such as "*/5 * * * *" for every five minutes, got "@every 5m"'
    ],
    [
      { schedule: 'CRON_TZ=Asia/Tokyo 0 9 * * *' },
      `schedule must have five fields (minute hour day month weekday), and has 6; name the zone in ${P}timezone, got "CRON_TZ=Asia/Tokyo 0 9 * * *"`
    ],
    [{ schedule: '0 0 30 2 *' }, 'schedule has "0 0 30 2 *", which never comes, got "0 0 30 2 *"'],
    [
      { [`${P}timezone`]: 'Mars' },
      `${P}timezone must be the name of a time zone, such as "Europe/Berlin" or "UTC", got "Mars"`
    ],
    [{ [`${P}concurrency`]: 'replace' }, `${P}concurrency must be forbid or allow, got "replace"`],
    [{ [`${P}catch-up`]: 'all' }, `${P}catch-up must be once, none, or a duration such as "10m", got "all"`],
    [{ [`${P}suspend`]: 'yes' }, `${P}suspend must be true or false, got "yes"`]
  ]
  for (const [annotations, message] of wrong) {
    it(`are refused with ${JSON.stringify(annotations)}`, () => {
      expect(messages(annotations)).to.deep.equal([message])
    })
  }

  it('are refused with all that is wrong', () => {
    expect(messages({ schedule: 'x;y', [`${P}suspend`]: '1', [`${P}timezone`]: 'x' })).to.have.length(4)
    expect(messages({ schedule: Array.from({ length: 33 }, (_, n) => `${n} * * * *`).join(';') })[0]).to.contain(
      'at most 32'
    )
  })

  it('are refused or understood, whatever the annotations say', () => {
    const part = fc.constantFrom(
      '*',
      '5',
      '1-3',
      '*/7',
      '@hourly',
      ';',
      ' ',
      'MON',
      '60',
      '__proto__',
      'constructor',
      ','
    )
    const text = fc.oneof(
      fc.string(),
      fc.array(part, { maxLength: 12 }).map(parts => parts.join(' '))
    )
    const named = fc.record(
      { schedule: text, [`${P}timezone`]: fc.oneof(text, fc.constant('Asia/Tokyo')) },
      { requiredKeys: [] }
    )
    fc.assert(
      fc.property(named, said => {
        const annotations = { topic: 'cron-function', ...said }
        const isUnderstood = schedulingOf(annotations) !== undefined
        expect(scheduleFaults(annotations).length === 0).to.equal(isUnderstood)
      }),
      { numRuns: 500 }
    )
  })

  it('have a key for each tick, and a place in the spread for each function', () => {
    const key = tickKey('u1', 'UTC', '* * * * *', 60_000)
    for (const other of [
      tickKey('u2', 'UTC', '* * * * *', 60_000),
      tickKey('u1', 'Asia/Tokyo', '* * * * *', 60_000),
      tickKey('u1', 'UTC', '*/2 * * * *', 60_000),
      tickKey('u1', 'UTC', '* * * * *', 120_000)
    ]) {
      expect(other).to.not.equal(key)
    }
    const delays = Array.from({ length: 200 }, (_, n) => delayOf(`uid-${n}`, 1000))
    expect(Math.max(...delays)).to.be.below(1000)
    expect(new Set(delays).size).to.be.above(100)
    expect(delayOf('uid-1', 0)).to.equal(0)
  })
})
