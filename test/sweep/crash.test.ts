import { expect } from 'chai'
import { useTestRun } from '../helpers/docker-run.ts'
import { helloImage } from '../helpers/images.ts'
import { Bystander } from './bystander.ts'
import { Installation } from './installation.ts'
import { takeOver } from './legacy.ts'
import { lifeOf } from './life.ts'
import { recover } from './lost.ts'
import { secretLifeOf } from './secret-life.ts'
import { sleepLifeOf } from './sleep-life.ts'
import { type Chain, Sweep } from './sweep.ts'

/** Two cores have enough to do with this many processes that start over and over. */
const LANES = 3
const SWEEP_MS = 10 * 60_000

describe('a gateway that is killed at any place', function () {
  this.timeout(60_000)
  const run = useTestRun()
  let bystander: Bystander
  let image: string

  before(async () => {
    image = await helloImage()
    bystander = await Bystander.create(run())
  })

  describeChain('in the life of a function', ['deploy', 'update', 'scale up', 'scale down', 'delete'], () => ({
    scenarios: lifeOf(image),
    isRound: true,
    open: async () => {
      const on = await Installation.create({ docker: run().docker })
      await on.start().listening()
      return { on, close: () => on.close() }
    }
  }))

  describeChain(
    'in the life of a function with a secret',
    ['deploy with a secret', 'change the secret', 'delete with a secret'],
    () => ({
      scenarios: secretLifeOf(image),
      isRound: true,
      open: async () => {
        const on = await Installation.create({ docker: run().docker })
        await on.start().listening()
        return { on, close: () => on.close() }
      }
    })
  )

  describeChain('in the life of a function that sleeps', ['freeze', 'thaw'], () => sleepLifeOf({ ...run(), image }))

  describeChain('when it takes over from the older program', ['adopt'], () => takeOver({ ...run(), image }))

  describeChain('when it adopts what runs after its database was lost', ['recover'], () => recover({ ...run(), image }))

  it('C1: has touched nothing that is not its own (I3)', async () => {
    expect(await bystander.changes()).to.deep.equal([])
  })
})

/** A test for each scenario, which tells of what the sweep found that ran before all of them. */
function describeChain(title: string, scenarios: readonly string[], chainOf: () => Chain): void {
  describe(title, () => {
    let sweep: Sweep
    let chain: Chain
    before('the sweep', async function () {
      this.timeout(SWEEP_MS)
      chain = chainOf()
      sweep = new Sweep(chain, { lanes: LANES, only: onlyOf(scenarios) })
      await sweep.run()
    })

    for (const scenario of scenarios) {
      it(`C1: ${scenario} is finished by the next process, wherever SIGKILL met the first`, () => {
        const { places, names, failures } = sweep.outcomes.get(scenario) ?? { places: 0, names: [], failures: [] }
        tell(places, names)
        expect(failures.join('\n\n')).to.equal('')
        if (onlyOf(scenarios) !== undefined) return
        expect(places).to.be.at.least(chain.scenarios.find(({ title }) => title === scenario)?.minPlaces ?? 1)
      })
    }
  })
}

/** `SCENARIO='scale up' POINT=7` replays one place; nothing of a chain that has no such scenario. */
function onlyOf(scenarios: readonly string[]): { scenario: string; place: number } | undefined {
  const { SCENARIO: scenario, POINT: point } = process.env
  if (scenario === undefined) return undefined
  return scenarios.includes(scenario) ? { scenario, place: Number(point ?? 1) } : { scenario: 'none', place: 0 }
}

/** How many places there are; with PLACES set, which. */
function tell(places: number, names: readonly string[]): void {
  process.stdout.write(`        ${places} places\n`)
  if (process.env['PLACES'] === undefined) return
  process.stdout.write(names.map((name, n) => `        ${n + 1} ${name}\n`).join(''))
}
