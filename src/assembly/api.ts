import { randomUUID } from 'node:crypto'
import type { LoopViewOfControllers } from '../../controllers/view.ts'
import { systemClock } from '../clock.ts'
import type { Config } from '../config/config.ts'
import type { UsageSampler } from '../engine/usage-sampler.ts'
import { createApi } from '../http/app.ts'
import { createOrigins } from '../http/client-address.ts'
import type { Logger } from '../logging/logger.ts'
import type { LogDesk } from '../logs/desk.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { Places } from '../places.ts'
import type { KeyRotation } from '../secrets/rotation.ts'
import type { Store } from '../store/open.ts'
import { assembleAlerts } from './alerts.ts'
import type { AsyncComponent } from './async.ts'
import type { ControlPlane } from './control-plane.ts'
import type { IdentityParts } from './identity.ts'
import type { InvocationCountsComponent } from './invocation-counts.ts'
import { isolationRules } from './policy.ts'
import { assembleScheduleDesk } from './schedule-desk.ts'

export interface AssembledApiDeps {
  readonly config: Config
  readonly identity: IdentityParts
  readonly version: string
  readonly commit: string
  readonly store: Store
  readonly secretKeys: KeyRotation
  readonly plane: ControlPlane
  readonly view: LoopViewOfControllers
  readonly logs: LogDesk
  readonly asyncCalls: AsyncComponent
  readonly usage: Pick<UsageSampler, 'of'>
  readonly invocationCounts: Pick<InvocationCountsComponent, 'countOf'>
  readonly metrics: Metrics
  readonly log: Logger
}

/** The API over the store and the loop. Its streams end when `shutdown` aborts. */
export function assembleApi(deps: AssembledApiDeps, shutdown: AbortSignal): ReturnType<typeof createApi> {
  const { config, store, plane, metrics } = deps
  return createApi({
    functions: store.functions,
    events: store.events,
    secrets: store.secrets,
    namespaces: store.namespaces,
    profiles: store.profiles,
    secretKeys: deps.secretKeys,
    audit: store.audit,
    invocations: deps.asyncCalls.desk,
    enqueue: key => {
      plane.functions.forgive(key)
      plane.functions.addFirst(key)
    },
    loop: deps.view,
    logs: deps.logs,
    watchers: new Places({ max: config.WATCHERS_MAX, onTaken: metrics.setWatchers, onRefused: metrics.watcherRefused }),
    adoption: plane.decisions,
    schedules: assembleScheduleDesk(deps),
    authenticator: deps.identity.authenticator,
    tokens: deps.identity.tokens,
    addressOf: createOrigins(config.TRUST_PROXY).addressOf,
    allowedOrigins: config.CORS_ALLOWED_ORIGINS,
    rules: isolationRules(config),
    functionsPerNamespace: config.FUNCTIONS_PER_NAMESPACE_MAX,
    rate: { limit: config.API_RATE_LIMIT, windowMs: config.API_RATE_WINDOW },
    limits: { maxReplicas: config.MAX_REPLICAS, defaultReplicas: config.DEFAULT_REPLICAS },
    memoryDefaultBytes: config.MEMORY_DEFAULT,
    info: { version: deps.version, commit: deps.commit },
    config: publicConfig(config),
    log: deps.log,
    metrics,
    clock: systemClock,
    newId: randomUUID,
    invocationCount: key => deps.invocationCounts.countOf(key),
    inflight: key => metrics.knownFunctionMetrics(key)?.inflight ?? 0,
    usage: deps.usage,
    alerts: assembleAlerts(plane, deps),
    readTimeoutMs: config.READ_TIMEOUT,
    shutdown
  })
}

/** What clients may know of the configuration: nothing about credentials or files. */
function publicConfig(config: Config): Readonly<Record<string, unknown>> {
  return {
    instance: config.INSTANCE_ID,
    functionsNetwork: config.FUNCTIONS_NETWORK,
    functionsSubnetPool: config.FUNCTIONS_SUBNET_POOL,
    authEnabled: config.AUTH_ENABLED,
    requireAuthForFunctions: config.REQUIRE_AUTH_FOR_FUNCTIONS,
    defaultReplicas: config.DEFAULT_REPLICAS,
    maxReplicas: config.MAX_REPLICAS,
    debugBindAddress: config.DEBUG_BIND_ADDRESS,
    imagePullPolicy: config.IMAGE_PULL_POLICY,
    readTimeoutMs: config.READ_TIMEOUT,
    writeTimeoutMs: config.WRITE_TIMEOUT,
    execTimeoutMs: config.EXEC_TIMEOUT,
    metricsEnabled: config.METRICS_ENABLED,
    metricsPort: config.METRICS_PORT
  }
}
