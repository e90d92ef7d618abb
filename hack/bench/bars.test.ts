import { expect } from 'chai'
import { barsOf } from './bars.ts'
import type { Cell, Measured } from './data-plane-result.ts'

const IDLE = { streams: 10_000, rssKiBBefore: 1000, rssKiB: 251_000, rssKiBPerStream: 25 }

function aWay(requestsPerSecond: number, p50Ms: number, cpuMicrosPerRequest?: number): Measured {
  const cpu = cpuMicrosPerRequest === undefined ? {} : { cpuMicrosPerRequest }
  return { requestsPerSecond, p50Ms, p99Ms: 1, requests: 1, errors: 0, ...cpu }
}

function aCell(connections: number, gateway: Measured, over: Partial<Cell> = {}): Cell {
  const [direct, nginx] = [aWay(3000, 0.1), aWay(2000, 0.2, 10)]
  return { direction: 'download', connections, bodyKiB: 0.1, direct, nginx, gateway, ...over }
}

describe('bars of the data plane', () => {
  const bars = (cell: Cell, workers = 1) => {
    return barsOf([{ workers, cells: [cell] }], IDLE).map(({ name, value, holds }) => [name, value, holds])
  }
  const idle = ['RSS of each of 10000 idle event streams', 25, true]

  it('hold CPU and requests a second against nginx, the latter over 32 connections', () => {
    expect(bars(aCell(32, aWay(1000, 1, 30)))).to.deep.equal([
      ['CPU per request, 0.1 KiB over 32 connections with 1 workers', 3, true],
      ['requests a second, 0.1 KiB over 32 connections with 1 workers', 0.5, true],
      idle
    ])
    expect(bars(aCell(32, aWay(990, 1, 30.1))).map(([, , holds]) => holds)).to.deep.equal([false, false, true])
  })

  it('hold the median of one connection against the direct way', () => {
    const name = 'p50, 0.1 KiB over 1 connections with 1 workers'
    expect(bars(aCell(1, aWay(1, 0.6, 1)))[1]).to.deep.equal([name, 0.5, true])
    expect(bars(aCell(1, aWay(1, 0.61, 1)))[1]).to.deep.equal([name, 0.51, false])
  })

  it('want more requests a second of two workers, and nothing else', () => {
    const name = 'requests a second, 0.1 KiB over 32 connections with 2 workers'
    expect(bars(aCell(32, aWay(1190, 1, 99)), 2)).to.deep.equal([[name, 0.595, false], idle])
  })

  it('hold of downloads alone', () => {
    expect(bars(aCell(32, aWay(1, 1, 99), { direction: 'upload' }))).to.deep.equal([idle])
  })
})
