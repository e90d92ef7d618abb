import { doSomething } from './deeds.ts'
import { broken, kept, unmet } from './invariants.ts'
import { SECRET_NAMES } from './secret-deeds.ts'
import type { SharedStore } from './shared-store.ts'
import { GOOD_IMAGES, Simulation } from './simulation.ts'

/** Virtual time within which all must be well again. Crash loops wait for up to 5 min, refused subnets for 10. */
const RECOVERY_MS = 15 * 60_000
const STEP_MS = 10_000
/** A resync once a minute, spread over half of it, leaves quiet instants between. */
const LOOKS = 6
/** Virtual time of quiet in which nothing may be written. */
const QUIET_MS = 3 * 60_000

export interface Outcome {
  /** What was not as it must be; empty when all was well. */
  readonly violations: readonly string[]
  readonly trace: readonly string[]
  /** Virtual milliseconds until all was well. */
  readonly recoveryMs: number
}

/** One world from its beginning through chaos to calm. Depends on nothing but the seed. */
export async function simulate(seed: number, store: SharedStore): Promise<Outcome> {
  const sim = new Simulation(seed, store)
  await sim.begin()
  const deeds = 5 + sim.random.below(40)
  for (let i = 0; i < deeds; i++) {
    await sim.time.advance(sim.random.below(sim.random.pick([50, 500, 5000, 30_000]) ?? 0))
    await doSomething(sim)
    if (i % 8 === 0) check(sim, broken(sim))
  }
  check(sim, broken(sim))
  await calmDown(sim)
  const recoveryMs = await recover(sim)
  if (sim.violations.length === 0) await stayQuiet(sim)
  check(sim, broken(sim))
  sim.calm()
  sim.end()
  return { violations: sim.violations, trace: sim.trace, recoveryMs }
}

function check(sim: Simulation, problems: readonly string[]): void {
  for (const problem of problems) sim.violate(problem)
}

/** Nothing goes wrong any more, and people mend what only they can: bad images, and what stands in the way. */
async function calmDown(sim: Simulation): Promise<void> {
  sim.note('calm')
  sim.calm()
  sim.setEngineUp(true)
  sim.engine.muteEvents(false)
  sim.engine.fillDisk(false)
  sim.health.recover()
  await sim.foreigners.clear({ keepSubnets: !sim.isPoolTight })
  for (const name of SECRET_NAMES) if (sim.hasSecrets && !sim.secrets.has(name)) await sim.putSecret(name, 'at last')
  for (const [name, { spec }] of sim.written) {
    const isGood = GOOD_IMAGES.includes(spec.image) || spec.image === 'stubborn:1'
    if (!isGood) await sim.put(name, { image: 'hello:1' })
  }
}

async function recover(sim: Simulation): Promise<number> {
  let problems: string[] = []
  for (let waitedMs = 0; waitedMs <= RECOVERY_MS; waitedMs += STEP_MS) {
    await sim.time.advance(STEP_MS)
    problems = await unmet(sim)
    if (problems.length === 0) return waitedMs
  }
  check(sim, problems)
  return RECOVERY_MS
}

/** I7: in steady state nothing is written, neither to the engine nor to the database. */
async function stayQuiet(sim: Simulation): Promise<void> {
  // Statuses may still settle, such as the records of exits that are forgotten after a minute.
  await sim.time.advance(150_000)
  const [calls, version] = [sim.engine.journal.length, sim.functions.resourceVersion()]
  await sim.time.advance(QUIET_MS)
  for (const call of sim.engine.journal.slice(calls)) sim.violate(`I7: ${call} in steady state`)
  const writes = sim.functions.resourceVersion() - version
  if (writes > 0) sim.violate(`I7: ${writes} writes of the store in steady state`)
  check(sim, [...(await unmet(sim)), ...(await stillKept(sim))])
}

/** I10, of the first instant at which no pass of the periodic resync is under way. */
async function stillKept(sim: Simulation): Promise<string[]> {
  let problems = kept(sim)
  for (let looks = 0; looks < LOOKS && problems.length > 0; looks++) {
    await sim.time.advance(STEP_MS / 2)
    problems = kept(sim)
  }
  return problems
}
