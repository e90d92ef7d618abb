import { getCondition } from '../../api/condition.ts'
import type { DebugBinding } from '../../api/debug-ports.ts'
import type { FunctionObject } from '../../api/function.ts'
import type { Egress } from '../../api/isolation.ts'
import { LABEL } from '../../api/labels.ts'
import { DEFAULT_NAMESPACE } from '../../api/meta.ts'
import { networkName } from '../../api/names.ts'
import { egressOfNetwork } from '../../controllers/function/isolation.ts'
import type { Container } from '../../src/engine/engine.ts'
import { overlaps } from '../../src/engine/subnets.ts'
import type { Route } from '../../src/gateway/endpoints.ts'
import { POLICY } from '../helpers/builders.ts'
import { keyOf, type Simulation, type Written } from './simulation.ts'

/** Those of the periodic resync, of the garbage collector, and one to spare. */
const OTHER_TIMERS = 3

const isOurs = ({ labels }: { readonly labels: Readonly<Record<string, string>> }) =>
  labels[LABEL.instance] === POLICY.instance

/** What is not yet as it must be once nothing goes wrong any more; empty when all is well. */
export async function unmet(sim: Simulation): Promise<string[]> {
  const problems = [...(await writesLost(sim)), ...orphans(sim), ...doubles(sim), ...subnets(sim)]
  for (const [name, written] of sim.written) problems.push(...(await functionProblems(sim, name, written)))
  return problems
}

/** I10: nothing is kept in memory of what is gone, and nothing is on its way, once all is quiet. */
export function kept(sim: Simulation): string[] {
  const memory = sim.process?.memory()
  if (memory === undefined) return ['I10: no process runs']
  const { probed, asked, departing, routes, pulling, throttled, calls, waking, due, delayed, failing } = memory
  const present = new Set(sim.engine.containers().map(({ id }) => id))
  const keys = new Set([...sim.written.keys()].map(keyOf))
  return [
    ...[...probed, ...asked].filter(id => !present.has(id)).map(id => `I10: container ${id} is gone and still probed`),
    ...departing.map(id => `I10: container ${id} is still leaving`),
    ...[...routes, ...pulling, ...throttled]
      .filter(key => !keys.has(key))
      .map(key => `I10: ${key} is gone and still known`),
    ...(calls > 0 ? [`I10: ${calls} calls have not ended`] : []),
    ...(waking > 0 ? [`I10: ${waking} functions are being woken`] : []),
    ...(due > 0 ? [`I10: ${due} passes are due`] : []),
    ...(delayed > keys.size ? [`I10: ${delayed} keys wait, and there are ${keys.size}`] : []),
    ...(failing > 0 ? [`I10: ${failing} keys are held for failing`] : []),
    ...(sim.time.pending > keys.size + asked.length + OTHER_TIMERS ? [`I10: ${sim.time.pending} timers run`] : [])
  ]
}

/** What must hold at every instant. */
export function broken(sim: Simulation): string[] {
  return [...sim.foreigners.changes().map(change => `I3: ${change}`), ...subnets(sim)]
}

/** I4: what was acknowledged is there, and what was deleted is gone. */
async function writesLost(sim: Simulation): Promise<string[]> {
  const objects = await sim.functions.list()
  const gone = objects
    .filter(({ metadata }) => !sim.written.has(metadata.name))
    .map(({ metadata }) => `I4: ${metadata.name} was deleted and is still there`)
  const kept = [...sim.written].flatMap(([name, written]) => {
    const object = objects.find(({ metadata }) => metadata.name === name)
    if (object === undefined) return [`I4: ${name} is lost`]
    const isSame = object.metadata.uid === written.uid && JSON.stringify(object.spec) === JSON.stringify(written.spec)
    return isSame ? [] : [`I4: ${name} is not what was written last`]
  })
  return [...gone, ...kept]
}

/** I2: whatever is ours belongs to a function that is written down, and is wanted. */
function orphans(sim: Simulation): string[] {
  const isOwned = (labels: Readonly<Record<string, string>>) => sim.written.has(labels[LABEL.function] ?? '')
  const containers = sim.ownContainers()
  const wanted = [...sim.written].flatMap(([name, { spec }]) =>
    Array.from({ length: spec.replicas }, (_, ordinal) => `${name}-${ordinal}`)
  )
  return [
    ...containers.filter(c => !wanted.includes(c.name)).map(c => `I2: container ${c.name} ${c.state} is left over`),
    ...sim.engine
      .networks()
      .filter(n => isOurs(n) && !isOwned(n.labels))
      .map(n => `I2: network ${n.name} is left over`),
    ...sim.engine
      .volumes()
      .filter(v => isOurs(v) && !isOwned(v.labels))
      .map(v => `I2: volume ${v.name} is left over`)
  ]
}

/** I5: one container for each ordinal; and one network for each function. */
function doubles(sim: Simulation): string[] {
  const identity = ({ labels }: Container) => `${labels[LABEL.function]}-${labels[LABEL.ordinal]} ${labels[LABEL.uid]}`
  const containers = repeated(sim.ownContainers().map(identity))
  const networks = repeated(
    sim.engine
      .networks()
      .filter(isOurs)
      .map(({ name }) => name)
  )
  return [...containers, ...networks].map(text => `I5: ${text} is there twice`)
}

function repeated(texts: readonly string[]): string[] {
  return texts.filter((text, i) => texts.indexOf(text) !== i)
}

/** I6: no subnet is taken twice. */
function subnets(sim: Simulation): string[] {
  const all = sim.engine.networks().flatMap(({ name, subnets }) => subnets.map(subnet => ({ name, subnet })))
  return all.flatMap((a, i) =>
    all
      .slice(i + 1)
      .filter(b => overlaps(a.subnet, b.subnet))
      .map(b => `I6: ${a.name} ${a.subnet} and ${b.name} ${b.subnet} overlap`)
  )
}

/** S9: the network leads where it should; of a function at zero it may be gone. */
function egressProblems(sim: Simulation, name: string, egress: Egress): string[] {
  const own = networkName(POLICY.functionsNetwork, { namespace: DEFAULT_NAMESPACE, name })
  return sim.engine
    .networks()
    .filter(network => network.name === own && network.labels[LABEL.instance] === POLICY.instance)
    .filter(network => egressOfNetwork(network) !== egress)
    .map(network => `S9: the egress of ${name} is ${egressOfNetwork(network)} instead of ${egress}`)
}

/** I1 and I8: the function is ready, its endpoints are its replicas, and its status speaks of its last generation. */
async function functionProblems(sim: Simulation, name: string, written: Written): Promise<string[]> {
  const { uid, spec, egress, isFrozen } = written
  const object = await sim.functions.get(keyOf(name))
  const route = sim.process?.endpoints.get(keyOf(name))
  if (object === undefined || route === undefined) return [`I1: ${name} has no route`]
  const problems: string[] = []
  if (object.status.observedGeneration !== object.metadata.generation) problems.push(`I8: ${name} is not observed`)
  const progressing = getCondition(object.status.conditions, 'Progressing')
  if (progressing?.reason !== 'Converged') {
    problems.push(`I1: ${name} is not converged: ${progressing?.reason} ${progressing?.message}`)
  }
  if (route.uid !== uid) problems.push(`I1: the route of ${name} is of ${route.uid} instead of ${uid}`)
  if (isFrozen) return [...problems, ...frozenProblems(sim, route)]
  const network = networkName(POLICY.functionsNetwork, { namespace: DEFAULT_NAMESPACE, name })
  problems.push(...endpointProblems(sim, route, { name, network, written }))
  problems.push(...egressProblems(sim, name, egress))
  const { gatewayId } = sim
  if (spec.replicas > 0 && gatewayId !== undefined) {
    const isAttached = sim.engine.containers().find(({ id }) => id === gatewayId)?.networks[network] !== undefined
    if (!isAttached) problems.push(`I1: the gateway is not on the network of ${name}`)
  }
  return [...problems, ...limits(sim, route), ...debugPorts(sim, object), ...secretProblems(sim, route, { name, spec })]
}

/** I1: the endpoints are its replicas, and answer. */
function endpointProblems(
  sim: Simulation,
  { endpoints, frozen }: Route,
  { name, network, written }: { name: string; network: string; written: Written }
): string[] {
  const { uid, spec } = written
  const problems = frozen === undefined ? [] : [`I1: ${name} is known as frozen`]
  if (endpoints.length !== spec.replicas) {
    problems.push(`I1: ${name} has ${endpoints.length} endpoints instead of ${spec.replicas}`)
  }
  for (const { containerId, host } of endpoints) {
    const container = sim.engine.containers().find(({ id }) => id === containerId)
    const isRight =
      container?.labels[LABEL.uid] === uid &&
      container.networks[network]?.ipAddress === host &&
      sim.health.answers(container, network)
    if (!isRight) problems.push(`I1: endpoint ${container?.name ?? containerId} of ${name} is none`)
  }
  return problems
}

/** X12: nothing of a frozen function runs, and what can be thawed is known. */
function frozenProblems(sim: Simulation, { key, endpoints, frozen = [] }: Route): string[] {
  const own = sim.ownContainers().filter(({ labels }) => keyOf(labels[LABEL.function] ?? '') === key)
  const paused = own.filter(({ state }) => state === 'paused')
  return [
    ...own.filter(({ state }) => state === 'running').map(({ name }) => `X12: ${name} runs, and is to be frozen`),
    ...(endpoints.length > 0 ? [`X12: ${key} takes calls, and is to be frozen`] : []),
    ...(frozen.every(({ containerId }) => paused.some(({ id }) => id === containerId))
      ? []
      : [`X12: the frozen replicas of ${key} are others`])
  ]
}

/** P1, P2: each replica has a port for each debugger where it is to be, and the status says which. */
function debugPorts(sim: Simulation, { metadata, spec, status }: FunctionObject): string[] {
  const { first, last } = POLICY.debugPortRange
  const text = ({ address, containerPort, hostPort }: DebugBinding) => `${containerPort} at ${address}:${hostPort}`
  const bound = sim
    .ownContainers()
    .filter(({ labels }) => labels[LABEL.function] === metadata.name)
    .flatMap(({ ports }) => ports)
  const wanted = spec.debug ? 3 * spec.replicas : 0
  const isAsTold = bound.map(text).sort().join() === status.debugPorts.map(text).sort().join()
  return [
    ...(bound.length === wanted ? [] : [`P1: ${metadata.name} has ${bound.length} debug ports instead of ${wanted}`]),
    ...(isAsTold ? [] : [`P2: ${metadata.name} has debug ports ${bound.map(text)}, its status says otherwise`]),
    ...bound
      .filter(({ address, hostPort }) => address !== POLICY.debugBindAddress || hostPort < first || hostPort > last)
      .map(binding => `P1: ${metadata.name} has ${text(binding)}`)
  ]
}

/** Every replica has the secrets that its function names, with the values that they have now; and there is no other volume. */
function secretProblems(
  sim: Simulation,
  { endpoints }: Route,
  { name, spec }: { name: string; spec: Written['spec'] }
): string[] {
  const wanted = JSON.stringify(
    spec.secrets.length === 0
      ? undefined
      : Object.fromEntries([...spec.secrets].sort().map(secret => [secret, sim.secrets.get(secret)]))
  )
  const wrong = endpoints.filter(
    ({ containerId }) => JSON.stringify(sorted(sim.engine.secretsIn(containerId))) !== wanted
  )
  const volumes = sim.engine.volumes().filter(v => isOurs(v) && v.labels[LABEL.function] === name)
  const most = spec.secrets.length === 0 ? 0 : 1
  return [
    ...wrong.map(
      ({ containerId }) =>
        `S26: ${containerId.slice(0, 12)} of ${name} has other secrets than ${wanted}: ${JSON.stringify(sim.engine.secretsIn(containerId))}`
    ),
    ...(volumes.length > most ? [`I2: ${name} has ${volumes.length} volumes`] : [])
  ]
}

function sorted(record: Readonly<Record<string, string>> | undefined): Readonly<Record<string, string>> | undefined {
  return record && Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** K10: those that it was made with, as no function of a simulation asks for any; a change that no event told of takes until the next full look. */
function limits(sim: Simulation, { endpoints }: Route): string[] {
  const ids = new Set(endpoints.map(({ containerId }) => containerId))
  return sim.engine
    .containers()
    .filter(({ id }) => ids.has(id))
    .filter(({ labels, memoryBytes, nanoCpus }) => labels[LABEL.limits] !== `${memoryBytes} ${nanoCpus}`)
    .map(({ name }) => `K10: ${name} has limits that nobody asked for`)
}
