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
    const replica = { ...exitedAfter(100, 'exit-1'), lastOutput: `${'x'.repeat(2000)}end` }
    const [record] = recordExits([], { exited: [replica], alive: [], replicas: 1, now: NOW })
    expect(record?.lastOutput).to.have.length(1024)
    expect(record?.lastOutput.endsWith('end')).to.equal(true)
  })

  it('waits from now on when the clock of the engine is ahead', () => {
    const ahead = { startedAt: NOW + 3_599_900, finishedAt: NOW + 3_600_000 }
    expect(waitsAfter([exitedAfter(100, 'ahead', ahead)])).to.deep.equal([1000])
  })
})
