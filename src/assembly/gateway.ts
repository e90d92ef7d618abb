import { isLoopback } from '../../api/debug-ports.ts'
import type { FunctionObject } from '../../api/function.ts'
import { keyOf } from '../../api/meta.ts'
import { isConverged } from '../../controllers/function/history.ts'
import { systemClock } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { EndpointTable } from '../gateway/endpoints.ts'
import { Inflight } from '../gateway/inflight.ts'
import type { Logger } from '../logging/logger.ts'
import { createMetrics, type Metrics } from '../metrics/metrics.ts'
import { Manager } from '../runtime/manager.ts'
import { Rejections } from '../runtime/rejections.ts'
import { Watchdog } from '../runtime/watchdog.ts'
import { Keyring } from '../secrets/keyring.ts'
import { StorageFullError, StoreUnavailableError } from '../store/errors.ts'
import { lockDatabase } from '../store/file-lock.ts'
import { openStore, type Store } from '../store/open.ts'
import { RemoteInflight } from '../workers/remote-inflight.ts'
import { CAN_SHARE } from '../workers/shared-port.ts'
import { AsyncComponent } from './async.ts'
import { AuditComponent } from './audit.ts'
import { assembleAutoscaler } from './autoscaler-component.ts'
import { assembleCertificate } from './certificate.ts'
import { assembleControlPlane } from './control-plane.ts'
import { localDataPlane } from './data-plane.ts'
import { type Edge, EdgeComponent, type EdgeDeps } from './edge.ts'
import { assembleEngine } from './engine.ts'
import { FirewallComponent } from './firewall.ts'
import { assembleIdentity } from './identity.ts'
import { readAuditKey, readSigner } from './instance-key.ts'
import { InvocationCountsComponent } from './invocation-counts.ts'
import { assembleLogs } from './logs.ts'
import { LoopComponent } from './loop.ts'
import { measured } from './measured.ts'
import { MetricsComponent } from './metrics-port.ts'
import { sampleNamespaces } from './namespaces.ts'
import { ScheduleComponent } from './schedules.ts'
import { countMissing, prepareKeys, secretsKeyPath } from './secrets.ts'
import { assembleUsage } from './usage.ts'
import { assembleView } from './view.ts'
import { WorkersComponent, type WorkersDeps } from './workers.ts'

export interface GatewayOptions {
  readonly config: Config
  /** Absent: authentication is off. */
  readonly password?: string | undefined
  /** Variables that Node goes by are handed on to workers; none when left out. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly version: string
  readonly commit: string
  readonly log: Logger
}

/** The whole program, between start and stop. */
export interface Gateway {
  readonly start: () => Promise<void>
  /** Stops taking calls, lets those that run end, stops the loop, closes the database. Functions go on running. */
  readonly stop: () => Promise<void>
  readonly port: () => number
  readonly metricsPort: () => number
}

/** Opens the database and puts all parts together; reads top to bottom as the wiring diagram. Starts nothing. */
export async function assembleGateway(options: GatewayOptions): Promise<Gateway> {
  const { config, log } = options
  warnOfExposure(config, log)
  const metrics = createMetrics()
  const certificate = await assembleCertificate(config, { metrics, log })
  const { store, raw, audit, rotation: secretKeys } = await assembleStore(config, log, metrics)
  const { engine, facts, health, heartbeat, pressure, closedNetworks } = assembleEngine(config, log, metrics)
  const endpoints = new EndpointTable()
  const remote = new RemoteInflight()
  const inflight = new Inflight(remote)
  const plane = assembleControlPlane({
    config,
    signer: await readSigner(config),
    ...{ store, engine, facts, pressure },
    engineSince: () => health.since,
    endpoints,
    inflight,
    metrics,
    log
  })
  const { desk: logs, rosters } = assembleLogs({ config, engine, store, plane, metrics, log })
  const loop = new LoopComponent({ config, engine, facts, health, heartbeat, endpoints, rosters, metrics, log }, plane)
  const firewall = new FirewallComponent({ config, engine, metrics, log })
  const view = assembleView({ store, plane, metrics, log, health, watch: loop, firewall })
  const identity = await assembleIdentity({ config, password: options.password, tokens: store.tokens, metrics, log })
  const dataPlane = localDataPlane({ config, log, metrics, table: endpoints, inflight }, plane)
  const asyncCalls = new AsyncComponent({ config, store, dataPlane, metrics, log })
  const invocationCounts = new InvocationCountsComponent({ store, metrics, log })
  const edge = assembleEdge({
    ...{ ...options, remote, certificate, closedNetworks },
    ...{ identity, store, secretKeys, plane, view, logs, dataPlane, asyncCalls, metrics },
    ...{ usage: assembleUsage({ engine, endpoints, metrics, log }), invocationCounts }
  })
  const exposition = new MetricsComponent({ config, metrics, log, closedNetworks })

  const manager = new Manager({ log })
  manager.add(new Rejections({ log, onRejection: metrics.rejected }))
  manager.add({ name: 'store', start: () => countFunctions(raw, metrics), stop: () => raw.close() })
  manager.add(audit)
  manager.add(invocationCounts)
  manager.add({ name: 'engine', start: () => undefined, stop: () => engine[Symbol.asyncDispose]() })
  manager.add(new Watchdog({ clock: systemClock, log, onStall: metrics.stalled }))
  manager.add({ name: 'heartbeat', start: () => heartbeat.start(), stop: () => heartbeat.stop() })
  const { credentials } = plane
  manager.add({ name: 'credentials', start: () => credentials.start(), stop: () => credentials.stop() })
  const { index } = identity
  manager.add({ name: 'tokens', start: () => index.start(), stop: () => index.stop() })
  if (config.METRICS_ENABLED) manager.add(exposition)
  manager.add(firewall)
  manager.add(loop)
  if (config.AUTOSCALER_ENABLED)
    manager.add(
      assembleAutoscaler(plane, { config, engine, endpoints, store, metrics, log, queuedOf: asyncCalls.queuedOf })
    )
  manager.add(asyncCalls)
  manager.add(new ScheduleComponent({ config, store, enqueue: asyncCalls.enqueue, metrics, log }))
  manager.add(edge)
  return asGateway({ manager, raw, edge, exposition, metrics })
}

interface RunningParts {
  readonly manager: Manager
  readonly raw: Store
  readonly edge: Edge
  readonly exposition: MetricsComponent
  readonly metrics: Metrics
}

function asGateway({ manager, raw, edge, exposition, metrics }: RunningParts): Gateway {
  return {
    start: async () => {
      await manager.start()
      metrics.gatewayStarted()
    },
    stop: async () => {
      await manager.stop()
      // A component that was starting may still read the database, which was opened before any of them.
      await manager.start().catch(() => undefined)
      await raw.close()
    },
    port: () => edge.port,
    metricsPort: () => exposition.port
  }
}

/** What listens on `GATEWAY_PORT`: this process, or workers. */
function assembleEdge(deps: EdgeDeps & WorkersDeps): Edge {
  if (deps.config.GATEWAY_WORKERS > 0 && CAN_SHARE) return new WorkersComponent(deps)
  if (deps.config.GATEWAY_WORKERS > 0)
    deps.log.warn({ node: process.version }, 'Runs without workers: they need Node 26.4')
  return new EdgeComponent(deps)
}

/** Who reaches a debugger runs code in its function, so that other addresses than the host's own are a risk to be told. */
function warnOfExposure({ DEBUG_BIND_ADDRESS: address }: Config, log: Logger): void {
  if (!isLoopback(address)) log.warn({ address }, 'Debug ports are bound where other hosts reach them')
}

/** Notes, before anything is written, that what runs is to be compared with the database as it is now. */
async function noteOpening({ adoption }: Store, log: Logger): Promise<void> {
  try {
    await adoption.begin()
  } catch (err) {
    if (!(err instanceof StorageFullError || err instanceof StoreUnavailableError)) throw err
    // Nothing else is written either, so this process compares with what it finds.
    log.warn({ err }, 'Failed to note start in database')
  }
}

/** The database, which no other gateway may open until it is closed. */
async function openLocked(
  { STATE_DB_PATH: path, MEMORY_DEFAULT: memoryDefaultBytes }: Config,
  log: Logger,
  keys: { readonly cipher: Keyring; readonly auditKey: Uint8Array }
): Promise<Store> {
  const lock = await lockDatabase(path)
  try {
    const onBackup = (copy: string) => log.info({ path: copy }, 'Backed up database before migration')
    const store = await openStore({ path, clock: systemClock, log, onBackup, memoryDefaultBytes, ...keys })
    const close = async () => {
      await store.close()
      lock.release()
    }
    return { ...store, close, [Symbol.asyncDispose]: close }
  } catch (err) {
    lock.release()
    throw err
  }
}

async function assembleStore(config: Config, log: Logger, metrics: Metrics) {
  const keyring = new Keyring(secretsKeyPath(config))
  const auditKey = await readAuditKey(config)
  const raw = await openLocked(config, log, { cipher: keyring, auditKey })
  const audit = new AuditComponent({ config, audit: raw.audit, key: auditKey, metrics, log })
  await noteOpening(raw, log)
  const rotation = await prepareKeys(keyring, raw, log)
  metrics.watchSecretKeys(() => countMissing(rotation))
  metrics.watchNamespaces(() => sampleNamespaces(raw))
  return { raw, rotation, audit, store: { ...raw, functions: measured(raw.functions, metrics) } }
}

/** Since when a status says that its generation is not met: it may have been for long before. */
function unmetSince({ conditions }: FunctionObject['status'], { updatedAt }: FunctionObject['metadata']): number {
  const times = conditions
    .filter(({ type, status }) => type !== 'Ready' && status === 'True')
    .map(({ lastTransitionTime }) => Date.parse(lastTransitionTime))
  return Math.max(Date.parse(updatedAt), ...times)
}

/** Keeps the number of functions and what they wait for up to date with every commit. */
async function countFunctions({ functions }: Store, metrics: Metrics): Promise<void> {
  const keys = new Set<string>()
  for (const { metadata, status } of await functions.list()) {
    const key = keyOf(metadata)
    keys.add(key)
    const isLookedAt = status.observedGeneration === metadata.generation
    if (isLookedAt && isConverged(status.conditions)) metrics.lag.foundMet(key, metadata.generation)
    else
      metrics.lag.wanted(
        key,
        metadata.generation,
        isLookedAt ? unmetSince(status, metadata) : Date.parse(metadata.updatedAt)
      )
  }
  metrics.setFunctionsDeployed(keys.size)
  functions.onChange(({ type, object: { metadata } }) => {
    if (type === 'DELETED') keys.delete(keyOf(metadata))
    else keys.add(keyOf(metadata))
    metrics.setFunctionsDeployed(keys.size)
    if (type !== 'DELETED') metrics.lag.wanted(keyOf(metadata), metadata.generation, Date.parse(metadata.updatedAt))
  })
}
