import { parseDebugPorts } from '../../api/debug-ports.ts'
import { EGRESS, EGRESS_ANNOTATION } from '../../api/isolation.ts'
import { LABEL } from '../../api/labels.ts'
import { DEFAULT_NAMESPACE } from '../../api/meta.ts'
import { networkName } from '../../api/names.ts'
import type { Container } from '../../src/engine/engine.ts'
import { overlaps } from '../../src/engine/subnets.ts'
import { BARE_SPEC, POLICY, SIGNER } from '../helpers/builders.ts'
import { SECRET_EDITS, VOLUME_MEDDLING } from './secret-deeds.ts'
import { ANCHOR, GOOD_IMAGES, NAMES, type Simulation } from './simulation.ts'

/** Something that people, or the host, do to the world. */
type Deed = (sim: Simulation) => unknown

const IMAGES: readonly string[] = [...GOOD_IMAGES, ...GOOD_IMAGES, 'deaf:1', 'crash:1', 'stubborn:1', 'missing:1']

const EDITS: Readonly<Record<string, Deed>> = {
  deploy: sim => sim.put(aName(sim), { replicas: sim.random.below(5), image: anImage(sim) }),
  scale: sim => edit(sim, () => ({ replicas: sim.random.below(5) })),
  image: sim => edit(sim, () => ({ image: anImage(sim) })),
  env: sim => edit(sim, () => ({ env: { N: String(sim.random.below(5)) } })),
  debug: sim => edit(sim, ({ debug }) => ({ debug: !debug })),
  egress: async sim => {
    const name = aName(sim)
    if (sim.written.has(name)) await sim.put(name, {}, { [EGRESS_ANNOTATION]: sim.random.pick(EGRESS) ?? 'open' })
  },
  rollback: sim => edit(sim, (_, name) => sim.earlierSpec(name) ?? {}),
  delete: sim => {
    const name = aName(sim)
    return name === ANCHOR ? undefined : sim.delete(name)
  },
  recreate: async sim => {
    const name = aName(sim)
    if (name === ANCHOR) return
    await sim.delete(name)
    await sim.put(name, { replicas: 1 + sim.random.below(3), image: anImage(sim) })
  }
}

/** By hand, to containers that are ours. */
const MEDDLING: Readonly<Record<string, (sim: Simulation, container: Container) => unknown>> = {
  exit: (sim, { id }) => sim.engine.exit(id, sim.random.pick([0, 1, 137, 143]) ?? 1),
  oom: (sim, { id }) => sim.engine.exit(id, 137, { oom: true }),
  remove: (sim, { id, state }) => (state === 'removing' ? undefined : sim.engine.removeContainer(id)),
  pause: (sim, { id }) => sim.engine.pause(id),
  rename: (sim, { id }) => sim.engine.renameContainer(id, `renamed-${sim.random.below(1000)}`),
  disconnect: (sim, { id, networks }) =>
    sim.engine.disconnectNetwork(sim.random.pick(Object.keys(networks)) ?? 'none', id),
  connect: (sim, { id }) => sim.foreigners.take(id),
  dead: (sim, { id }) => sim.engine.die(id),
  update: (sim, { id }) =>
    sim.engine.update(id, sim.random.pick([{ memoryBytes: 64 * 2 ** 20 }, { nanoCpus: 500_000_000 }]) ?? {}),
  ill: (sim, { id }) => sim.health.fallIll(id, sim.random.below(60_000)),
  duplicate: (sim, container) => duplicate(sim, container),
  forge: (sim, container) => sim.foreigners.forge(container)
}

const HOST: Readonly<Record<string, Deed>> = {
  kill: sim => sim.killProcess(),
  removeNetwork: sim => removeNetwork(sim, aName(sim)),
  detachGateway: sim =>
    sim.gatewayId === undefined ? undefined : sim.engine.disconnectNetwork(networkOf(aName(sim)), sim.gatewayId),
  foreignContainer: sim => sim.foreigners.addContainer(`${aName(sim)}-${sim.random.below(4)}`),
  foreignName: sim => sim.foreigners.addNetwork(networkOf(aName(sim)), `192.168.${sim.random.below(250)}.0/24`),
  foreignSubnet: sim =>
    sim.foreigners.addNetwork(`foreign-pool-${sim.random.below(1000)}`, `10.200.0.${16 * sim.random.below(16)}/29`),
  twinNetwork: sim => twinNetwork(sim, aName(sim)),
  ghost: sim => ghost(sim),
  mute: sim => {
    sim.engine.muteEvents(true)
    sim.time.set(() => sim.engine.muteEvents(false), sim.random.below(60_000))
  },
  breakStreams: sim => sim.engine.breakStreams(),
  engineAway: sim => {
    sim.setEngineUp(false)
    sim.time.set(() => sim.setEngineUp(true), sim.random.below(20_000))
  },
  engineRestart: sim => {
    for (const { id } of sim.ownContainers()) {
      sim.health.disturb(id)
      sim.engine.exit(id, 137)
    }
    sim.setEngineUp(false)
    sim.time.set(() => sim.setEngineUp(true), sim.random.below(10_000))
  },
  fillDisk: sim => {
    sim.engine.fillDisk(true)
    sim.time.set(() => sim.engine.fillDisk(false), sim.random.below(60_000))
  },
  holdPort: sim => sim.engine.holdPort(aDebugPort(sim)),
  releasePort: sim => sim.engine.releasePort(aDebugPort(sim)),
  removeImage: sim => {
    const image = sim.random.pick(['hello:1', 'hello:2', 'remote:1']) ?? ''
    sim.engine.loseImage(image)
    sim.engine.addImage(image, { remote: true })
  },
  call: sim => {
    const name = aName(sim)
    const endpoint = sim.random.pick(sim.process?.endpoints.get(`${DEFAULT_NAMESPACE}/${name}`)?.endpoints ?? [])
    const release = endpoint && sim.process?.inflight.acquire(endpoint.containerId)
    if (release !== undefined) sim.time.set(release, sim.random.below(90_000))
  }
}

/** Of functions that are frozen when they are idle, and woken by calls. */
const SLEEP: Readonly<Record<string, Deed>> = {
  freeze: sim => sim.putFrozen(aName(sim), true),
  'freeze again': sim => sim.putFrozen(aName(sim), true),
  thaw: sim => sim.putFrozen(aName(sim), false),
  wake: sim => sim.wake(aName(sim)),
  'wake again': sim => sim.wake(aName(sim)),
  'call a frozen one': async sim => {
    const name = aName(sim)
    await HOST['call']?.(sim)
    await sim.putFrozen(name, true)
    sim.time.set(() => sim.wake(name), sim.random.below(2000))
  }
}

/** So that they are as frequent as the others together. */
const SECRET_EDITS_AGAIN = Object.fromEntries(
  Object.entries(SECRET_EDITS).map(([name, deed]) => [`${name} again`, deed])
)

/** One random deed. What the engine refuses does not happen. */
export async function doSomething(sim: Simulation): Promise<void> {
  const kind = sim.random.below(10)
  const deeds = Object.entries(sim.hasSecrets ? { ...HOST, ...VOLUME_MEDDLING } : HOST)
  const ofSecrets = sim.hasSecrets ? { ...SECRET_EDITS, ...SECRET_EDITS_AGAIN } : {}
  const edits = Object.entries({ ...EDITS, ...ofSecrets, ...(sim.hasSleepers ? SLEEP : {}) })
  if (kind < 4) return attempt(sim, sim.random.pick(edits))
  if (kind < 6) return attempt(sim, sim.random.pick(deeds))
  const container = sim.random.pick(sim.ownContainers())
  const meddling = sim.random.pick(Object.entries(MEDDLING))
  if (container === undefined || meddling === undefined) return
  sim.health.disturb(container.id)
  await attempt(sim, [`${meddling[0]} ${container.name}`, () => meddling[1](sim, container)])
}

async function attempt(sim: Simulation, deed: readonly [string, Deed] | undefined): Promise<void> {
  if (deed === undefined) return
  sim.note(`deed ${deed[0]}`)
  try {
    await deed[1](sim)
  } catch (err) {
    sim.note(`refused: ${err instanceof Error ? err.message : String(err)}`)
  }
}

function aName(sim: Simulation): string {
  return sim.random.pick(NAMES) ?? ANCHOR
}

/** One that a replica has, or any of the range. */
function aDebugPort(sim: Simulation): number {
  const { first, last } = POLICY.debugPortRange
  const used = sim.ownContainers().flatMap(({ labels }) => parseDebugPorts(labels).map(({ hostPort }) => hostPort))
  const any = first + sim.random.below(last - first + 1)
  return sim.random.chance(0.7) ? (sim.random.pick(used) ?? any) : any
}

function anImage(sim: Simulation): string {
  return sim.random.pick(IMAGES) ?? 'hello:1'
}

function networkOf(name: string): string {
  return networkName(POLICY.functionsNetwork, { namespace: DEFAULT_NAMESPACE, name })
}

async function edit(
  sim: Simulation,
  change: (spec: { readonly debug: boolean }, name: string) => Parameters<Simulation['put']>[1]
): Promise<void> {
  const name = aName(sim)
  const written = sim.written.get(name)
  if (written !== undefined) await sim.put(name, change(written.spec, name))
}

/** Somebody takes everything off our network of the function, and then the network away. */
async function removeNetwork(sim: Simulation, name: string): Promise<void> {
  const network = await sim.engine.inspectNetwork(networkOf(name))
  if (network === undefined || network.labels[LABEL.instance] !== POLICY.instance) return
  // Start goes by name, and nothing can be done about a name that changes hands between a look and a call.
  const hasNamesake = sim.engine.networks().filter(n => n.name === network.name).length > 1
  if (hasNamesake && (sim.process?.functions.running ?? 0) > 0) return
  const members = sim.engine.containers().filter(({ networks }) => networks[network.name] !== undefined)
  if (members.some(({ id }) => sim.foreigners.has(id))) return
  for (const container of members) {
    sim.health.disturb(container.id)
    await sim.engine.disconnectNetwork(network.id, container.id)
  }
  await sim.engine.removeNetwork(network.id)
}

/** A second network of the function, as two processes at once would have made it. */
function twinNetwork(sim: Simulation, name: string): void {
  const subnet = `192.168.${sim.random.below(250)}.0/28`
  const labels = sim.engine.networks().find(n => n.name === networkOf(name))?.labels
  if (labels?.[LABEL.instance] !== POLICY.instance) return
  if (sim.engine.networks().some(n => n.subnets.some(other => overlaps(other, subnet)))) return
  sim.engine.addNetwork(networkOf(name), {
    labels: SIGNER.sign(labels, { kind: 'network', subnet }),
    subnets: [subnet]
  })
}

/** A container with all labels of another one and of its image, as two processes at once would have made it. */
async function duplicate(sim: Simulation, { labels, imageId, networks, memoryBytes }: Container): Promise<void> {
  const network = Object.keys(networks)[0]
  const found = network === undefined ? undefined : await sim.engine.inspectNetwork(network)
  if (network === undefined || found?.labels[LABEL.instance] !== POLICY.instance) return
  const id = await sim.engine.createContainer({
    ...BARE_SPEC,
    ...{
      name: `twin-${sim.random.below(1000)}`,
      image: imageId,
      labels,
      network,
      memoryBytes,
      ports: parseDebugPorts(labels)
    }
  })
  sim.health.disturb(id)
  if (sim.random.chance(0.5)) await sim.engine.startContainer(id)
}

/** Objects of ours whose function nobody knows any more. */
function ghost(sim: Simulation): void {
  const n = sim.random.below(1000)
  const labels = {
    [LABEL.instance]: POLICY.instance,
    [LABEL.namespace]: DEFAULT_NAMESPACE,
    [LABEL.function]: `ghost-${n}`,
    [LABEL.uid]: `uid-ghost-${n}`
  }
  sim.engine.addNetwork(networkOf(`ghost-${n}`), {
    labels: SIGNER.sign(labels, { kind: 'network', subnet: '' }),
    subnets: []
  })
  sim.engine.addVolume(`ghost-${n}-secrets`, SIGNER.sign(labels, { kind: 'volume' }))
}
