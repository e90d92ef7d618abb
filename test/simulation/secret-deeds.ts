import { LABEL } from '../../api/labels.ts'
import { POLICY } from '../helpers/builders.ts'
import type { Simulation } from './simulation.ts'

type Deed = (sim: Simulation) => unknown

/** The secrets that there may be. Those of one world may have any of them, and functions may name any of them. */
export const SECRET_NAMES: readonly string[] = ['key', 'token', 'cert']

/** What people do to secrets. */
export const SECRET_EDITS: Readonly<Record<string, Deed>> = {
  putSecret: sim => sim.putSecret(aSecret(sim), `value ${sim.random.below(4)}`),
  deleteSecret: sim => sim.deleteSecret(aSecret(sim)),
  useSecrets: async sim => {
    const name = sim.random.pick([...sim.written.keys()])
    if (name !== undefined) await sim.put(name, { secrets: SECRET_NAMES.filter(() => sim.random.chance(0.4)) })
  }
}

/** By hand, to the volumes that hold them. What the engine refuses, as they are in use, does not happen. */
export const VOLUME_MEDDLING: Readonly<Record<string, Deed>> = {
  removeVolume: sim => sim.engine.removeVolume(aVolume(sim).name),
  emptyVolume: async sim => {
    const { name, labels } = aVolume(sim)
    await sim.engine.removeVolume(name)
    sim.engine.addVolume(name, labels)
  },
  foreignVolume: async sim => {
    const { name } = aVolume(sim)
    await sim.engine.removeVolume(name)
    sim.foreigners.addVolume(name)
  }
}

function aSecret(sim: Simulation): string {
  return sim.random.pick(SECRET_NAMES) ?? 'key'
}

function aVolume(sim: Simulation): { readonly name: string; readonly labels: Readonly<Record<string, string>> } {
  const ours = sim.engine.volumes().filter(({ labels }) => labels[LABEL.instance] === POLICY.instance)
  const volume = sim.random.pick(ours)
  if (volume === undefined) throw new Error('there is no volume')
  return volume
}
