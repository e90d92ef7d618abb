import { expect } from 'chai'
import { aReplica, NOW } from '../../test/helpers/builders.ts'
import type { Replica } from './observed.ts'
import { recordExits } from './restarts.ts'

/** A replica that exited after `ranMs`. */
function exitedAfter(ranMs: number, id: string, container: Partial<Replica['container']> = {}): Replica {
  return aReplica({
    id: id.padEnd(12, '0'),
    phase: 'exited',
    container: { startedAt: NOW - ranMs, finishedAt: NOW, exitCode: 1, ...container }
  })
}

function waitsAfter(exits: readonly Replica[]): number[] {
  let records = recordExits([], { exited: [], alive: [], replicas: 1, now: NOW })
  return exits.map(replica => {
    records = recordExits(records, { exited: [replica], alive: [], replicas: 1, now: NOW })
    return Date.parse(records[0]?.notBefore ?? '') - NOW
  })
}

describe('recordExits', () => {
  it('doubles the wait with each exit in a row, from 1 s to 5 min', () => {
    const exits = Array.from({ length: 11 }, (_, i) => exitedAfter(100, `exit-${i}`))
    expect(waitsAfter(exits)).to.deep.equal([
      1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000, 300_000
    ])
  })

  it('counts one exit once, however often it is seen', () => {
    const exit = exitedAfter(100, 'exit-1')
    expect(waitsAfter([exit, exit, exit])).to.deep.equal([1000, 1000, 1000])
  })

  it('does not wait when the replica ran well for a minute before', () => {
    expect(waitsAfter([exitedAfter(100, 'exit-1'), exitedAfter(60_000, 'exit-2')])).to.deep.equal([1000, 0])
  })

  it('D16: takes what ended with the engine for no failure, and forgets none because of it', () => {
    const ended = (id: string) => ({ ...exitedAfter(100, id, { exitCode: 255 }), endedWithEngine: true as const })
    expect(waitsAfter([ended('a'), ended('b'), ended('c')])).to.deep.equal([0, 0, 0])
    expect(waitsAfter([exitedAfter(100, 'a'), exitedAfter(100, 'b'), ended('c'), exitedAfter(100, 'd')])).to.deep.equal(
      [1000, 2000, 2000, 4000]
    )
  })

  it('does not wait when it was ended by a signal from outside, unless that happens again and again', () => {
    const killed = (ranMs: number, id: string) => exitedAfter(ranMs, id, { exitCode: 137 })
    expect(waitsAfter([killed(100, 'a'), killed(100, 'b'), killed(100, 'c')])).to.deep.equal([0, 1000, 2000])
    expect(waitsAfter([killed(100, 'a'), killed(5000, 'b'), killed(100, 'c')])).to.deep.equal([0, 0, 0])
  })

  it('takes running out of memory for its own fault, though a signal ends that too', () => {
    expect(waitsAfter([exitedAfter(5000, 'a', { exitCode: 137, oomKilled: true })])).to.deep.equal([1000])
  })

  it('forgets the exits of an ordinal whose replica is ready for a minute, or that is not wanted any more', () => {
    const before = recordExits([], { exited: [exitedAfter(100, 'exit-1')], alive: [], replicas: 1, now: NOW })
    const young = aReplica({ phaseSince: NOW })
    expect(recordExits(before, { exited: [], alive: [young], replicas: 1, now: NOW + 59_999 })).to.have.length(1)
    expect(recordExits(before, { exited: [], alive: [young], replicas: 1, now: NOW + 60_000 })).to.deep.equal([])
    expect(recordExits(before, { exited: [], alive: [], replicas: 0, now: NOW })).to.deep.equal([])
  })

  it('keeps what it wrote last, the newest part of it', () => {
    const replica = { ...exitedAfter(100, 'exit-1'), lastOutput: `${'x'.repeat(2000)}end\n\n` }
    const [record] = recordExits([], { exited: [replica], alive: [], replicas: 1, now: NOW })
    expect(record?.lastOutput).to.have.length(1024)
    expect(record?.lastOutput.endsWith('end')).to.equal(true)
  })

  it('waits from now on when the clock of the engine is ahead', () => {
    const ahead = { startedAt: NOW + 3_599_900, finishedAt: NOW + 3_600_000 }
    expect(waitsAfter([exitedAfter(100, 'ahead', ahead)])).to.deep.equal([1000])
  })

  it('waits from now on when the clock of the engine is behind', () => {
    const behind = { startedAt: NOW - 3_600_100, finishedAt: NOW - 3_600_000 }
    expect(waitsAfter([exitedAfter(100, 'behind', behind)])).to.deep.equal([1000])
  })

  it('takes SIGTERM by hand for the same as SIGKILL', () => {
    expect(waitsAfter([exitedAfter(100, 'a', { exitCode: 143 })])).to.deep.equal([0])
    expect(waitsAfter([exitedAfter(100, 'a', { exitCode: 142 })])).to.deep.equal([1000])
  })

  it('keeps the records of several ordinals in their order, and of wanted ones only', () => {
    const exits = [2, 0, 1].map(ordinal => ({ ...exitedAfter(100, `exit-${ordinal}`), ordinal }))
    const records = recordExits([], { exited: exits, alive: [], replicas: 3, now: NOW })
    expect(records.map(r => r.ordinal)).to.deep.equal([0, 1, 2])
    const fewer = recordExits(records, { exited: [], alive: [], replicas: 2, now: NOW })
    expect(fewer.map(r => r.ordinal)).to.deep.equal([0, 1])
  })

  it('forgets no exits for a replica that runs for long and does not answer', () => {
    const before = recordExits([], { exited: [exitedAfter(100, 'exit-1')], alive: [], replicas: 1, now: NOW })
    const ill = aReplica({ phase: 'unready', phaseSince: NOW })
    expect(recordExits(before, { exited: [], alive: [ill], replicas: 1, now: NOW + 60_000 })).to.have.length(1)
  })

  it('knows a container by the twelve characters that people see', () => {
    const [record] = recordExits([], { exited: [exitedAfter(100, 'x'.repeat(64))], alive: [], replicas: 1, now: NOW })
    expect(record?.container).to.equal('x'.repeat(12))
  })

  it('K13: says of one that never started what the engine says, and counts it', () => {
    const { startedAt: _, finishedAt: __, ...container } = aReplica().container
    const failed = aReplica({ phase: 'exited', container, lastOutput: 'nothing' })
    const replica = { ...failed, container: { ...container, error: 'no such file', exitCode: 127 } }
    const [record] = recordExits([], { exited: [replica], alive: [], replicas: 1, now: NOW })
    expect(record).to.include({ started: false, lastOutput: 'no such file', count: 1 })
    expect(record?.exitedAt).to.equal(new Date(NOW).toISOString())
  })

  it('says of one that started what it wrote itself', () => {
    const [record] = recordExits([], { exited: [exitedAfter(100, 'a')], alive: [], replicas: 1, now: NOW })
    expect(record).to.include({ started: true, lastOutput: '' })
  })

  it('goes by the instant at which it ended, not by that at which it was found', () => {
    const [record] = recordExits([], { exited: [exitedAfter(100, 'a')], alive: [], replicas: 1, now: NOW + 90_000 })
    expect(record).to.include({ count: 1, exitedAt: new Date(NOW).toISOString() })
  })
})
