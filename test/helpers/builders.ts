import { type FunctionObject, INITIAL_STATUS } from '../../api/function.ts'
import { DEFAULT_NAMESPACE } from '../../api/meta.ts'
import { createSigner, type Signer } from '../../api/signature.ts'
import { templateHash } from '../../api/spec-hash.ts'
import { type Desired, desiredOf, type Policy } from '../../controllers/function/desired.ts'
import type { Observed, ObservedNetwork, Phase, Replica } from '../../controllers/function/observed.ts'
import type { ProbeTarget } from '../../controllers/function/readiness.ts'
import type { Container, ContainerState } from '../../src/engine/engine.ts'
import type { ContainerSpec } from '../../src/engine/specs.ts'

/** The instant at which builders put everything; milliseconds since the epoch. */
export const NOW = Date.UTC(2026, 0, 1)

export const POLICY: Policy = {
  instance: 'test',
  isolation: { levelDefault: 'baseline', levels: {}, runtimes: [], image: { registries: [], digestRequired: false } },
  functionsNetwork: 'test-net',
  maxReplicas: 10,
  debugBindAddress: '127.0.0.1',
  debugPortRange: { first: 20_000, last: 20_099 },
  pidsLimit: 512,
  tmpfsBytes: 64 * 2 ** 20,
  logMaxBytes: 10 * 2 ** 20,
  memoryDefaultBytes: 0,
  nanoCpusDefault: 0,
  readyTimeoutMs: 60_000,
  drainMs: 60_000,
  stopGraceMs: 10_000
}

/** A container that is asked whether it is ready; nothing listens there. */
export const PROBE_TARGET: ProbeTarget = {
  key: 'openfaas-fn/echo',
  containerId: 'c1',
  startedAt: 1,
  host: '127.0.0.1',
  port: 1,
  path: '/healthz',
  isStrict: false
}

/** Signs what tests make as the loop's own. */
export const SIGNER: Signer = createSigner(Buffer.alloc(32, 7))

/** What an engine is told of a container about which nothing is remarkable; name, network and whatever counts are added. */
export const BARE_SPEC: Omit<ContainerSpec, 'name' | 'network'> = {
  image: 'hello:1',
  labels: {},
  env: {},
  memoryBytes: 0,
  memoryReservationBytes: 0,
  nanoCpus: 0,
  cpuShares: 0,
  pidsLimit: 0,
  readOnlyRootFilesystem: false,
  tmpfs: {},
  ports: [],
  logMaxBytes: 0
}

type Overrides = Partial<FunctionObject['metadata']> & Partial<FunctionObject['spec']>

/** A function `hello` with one replica; name any field of its metadata or spec to change it. */
export function aFunction(overrides: Overrides = {}): FunctionObject {
  const { name, namespace, uid, generation, labels, annotations, deletionRequestedAt, ...spec } = overrides
  const at = new Date(NOW).toISOString()
  return {
    metadata: {
      name: name ?? 'hello',
      namespace: namespace ?? DEFAULT_NAMESPACE,
      uid: uid ?? 'uid-1',
      generation: generation ?? 1,
      resourceVersion: 1,
      labels: labels ?? {},
      annotations: annotations ?? {},
      createdAt: at,
      updatedAt: at,
      ...(deletionRequestedAt === undefined ? {} : { deletionRequestedAt })
    },
    spec: {
      image: 'hello:1',
      replicas: 1,
      envProcess: '',
      env: {},
      secrets: [],
      limits: {},
      requests: {},
      readOnlyRootFilesystem: false,
      debug: false,
      constraints: [],
      probes: {},
      ...spec
    },
    status: INITIAL_STATUS
  }
}

/** What is wanted of `aFunction`, its image pinned; name any field to change it. */
export function aDesired(overrides: Partial<Desired> & { fn?: FunctionObject } = {}): Desired {
  const { fn = aFunction(), ...rest } = overrides
  const pin = { reference: fn.spec.image, templateHash: templateHash(fn.spec, fn.metadata.labels), id: 'sha256:image' }
  const desired = desiredOf(fn, { image: { state: 'pinned', pin }, restarts: [] }, POLICY)
  return { ...desired, hash: 'bbbbbbbb', ...rest }
}

const CONTAINER: Container = {
  id: '',
  name: '',
  state: 'running',
  imageId: 'sha256:image',
  labels: {},
  createdAt: NOW,
  startedAt: NOW,
  exitCode: 0,
  oomKilled: false,
  error: '',
  stopSignal: 'SIGTERM',
  networks: {},
  ports: [],
  memoryBytes: 0,
  nanoCpus: 0
}

/** The container's state in each phase, as far as the planner can tell. */
const STATE_OF: Readonly<Record<Phase, ContainerState>> = {
  created: 'created',
  starting: 'running',
  ready: 'running',
  unready: 'running',
  exiting: 'running',
  exited: 'exited',
  removing: 'removing'
}

type ReplicaOverrides = Partial<Omit<Replica, 'container'>> & { readonly container?: Partial<Container> }

/** A ready replica of `aDesired`; name any field of it, or of its container, to change it. */
export function aReplica({ container, ...overrides }: ReplicaOverrides = {}): Replica {
  const { ordinal = 0, phase = 'ready', name = `hello-${ordinal}`, id = `id-${name}` } = overrides
  const isUp = phase === 'starting' || phase === 'ready' || phase === 'unready'
  return {
    ordinal,
    hash: 'bbbbbbbb',
    uid: 'uid-1',
    phaseSince: NOW,
    paused: false,
    inflight: 0,
    foreignNetworks: [],
    ...(isUp ? { address: '10.0.0.2' } : {}),
    ...overrides,
    id,
    name,
    phase,
    container: { ...CONTAINER, id, name, state: STATE_OF[phase], ...container }
  }
}

export const NETWORK: ObservedNetwork = { id: 'network-1', ours: true, capacity: 12, members: [], egress: 'open' }

/** What the engine holds: these replicas on a network of 12 addresses. */
export function anObserved(replicas: readonly Replica[] = [], network: ObservedNetwork | null = NETWORK): Observed {
  return { replicas, ...(network === null ? {} : { network }) }
}
