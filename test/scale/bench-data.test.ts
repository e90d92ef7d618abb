import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { DataPlaneResult } from '../../hack/bench/data-plane-result.ts'

const BENCH = new URL('../../hack/bench/data-plane.ts', import.meta.url).pathname

/** Its times are looked at by people: other tests run beside it. Each way is measured for a second in each cell, as wrk knows no less. */
describe('npm run bench:data', () => {
  it('prints one JSON of the shape that its schema says, without a failed call', async function () {
    this.timeout(120_000)
    const { stdout } = await promisify(execFile)(process.execPath, [BENCH, '--quick'])
    const result = DataPlaneResult.parse(JSON.parse(stdout))
    const cells = result.phases.flatMap(phase => phase.cells)
    expect(cells.map(({ connections, bodyKiB }) => [connections, bodyKiB])).to.deep.equal([
      [1, 0.1],
      [32, 0.1]
    ])
    const ways = cells.flatMap(({ direct, nginx, gateway }) => [direct, nginx, gateway])
    expect(ways.map(way => way.errors)).to.deep.equal(ways.map(() => 0))
    const between = cells.flatMap(({ nginx, gateway }) => [nginx, gateway])
    expect(between.every(way => way.cpuMicrosPerRequest !== undefined && way.rssMiB !== undefined)).to.equal(true)
    expect(result.bars.map(({ name }) => name.split(',')[0])).to.include.members(['CPU per request', 'p50'])
  })

  it('says how it is used', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [BENCH, '--help'])
    expect(stdout).to.contain('--workers').and.to.contain('--quick')
  })
})
