import { expect } from 'chai'
import { REGRESSIONS } from './regressions.ts'
import { simulate } from './run.ts'
import { openSharedStore, type SharedStore } from './shared-store.ts'

const DEFAULT_SEEDS = 300
const BATCH = 100
/** What is shown of a world that went wrong; all of it when it is replayed alone. */
const TRACE_LINES = 30

const { SEED, SEEDS, FIRST_SEED = '1' } = process.env

describe('the loop, simulated', function () {
  this.timeout(0)
  let shared: SharedStore

  before(async () => {
    shared = await openSharedStore()
  })
  after(() => shared.close())

  /** Fails with all seeds that went wrong, and how to see each of them again. */
  async function runSeeds(seeds: readonly number[]): Promise<void> {
    const failures: string[] = []
    for (const seed of seeds) {
      const { violations, trace } = await simulate(seed, shared)
      if (violations.length === 0) continue
      const shown = SEED === undefined ? trace.slice(-TRACE_LINES) : trace
      failures.push(
        [`SEED=${seed} npm run test:simulation`, ...violations.slice(0, 5), 'trace:', ...shown].join('\n      ')
      )
    }
    expect(failures, `${failures.length} of ${seeds.length} seeds failed:\n  ${failures.join('\n  ')}`).to.have.length(
      0
    )
  }

  if (SEED !== undefined) {
    it(`comes to rest as written down, seed ${SEED}`, () => runSeeds([Number(SEED)]))
    return
  }
  for (const { seed, found } of REGRESSIONS) {
    it(`comes to rest as written down, seed ${seed}: ${found}`, () => runSeeds([seed]))
  }
  const [first, count] = [Number(FIRST_SEED), Number(SEEDS ?? DEFAULT_SEEDS)]
  for (let from = first; from < first + count; from += BATCH) {
    const seeds = Array.from({ length: Math.min(BATCH, first + count - from) }, (_, i) => from + i)
    it(`comes to rest as written down, seeds ${from} to ${from + seeds.length - 1}`, () => runSeeds(seeds))
  }
})
