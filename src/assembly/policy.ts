import type { IsolationRules } from '../../api/isolation.ts'
import type { Policy } from '../../controllers/function/desired.ts'
import type { Config } from '../config/config.ts'

/** What the operator's configuration says of all functions. */
export function policyOf(config: Config): Policy {
  return {
    instance: config.INSTANCE_ID,
    isolation: isolationRules(config),
    functionsNetwork: config.FUNCTIONS_NETWORK,
    subnetPool: config.FUNCTIONS_SUBNET_POOL,
    maxReplicas: config.MAX_REPLICAS,
    debugBindAddress: config.DEBUG_BIND_ADDRESS,
    debugPortRange: config.DEBUG_PORT_RANGE,
    pidsLimit: config.PIDS_LIMIT,
    tmpfsBytes: config.TMPFS_BYTES,
    logMaxBytes: config.LOG_MAX_BYTES,
    memoryDefaultBytes: config.MEMORY_DEFAULT,
    nanoCpusDefault: config.CPU_DEFAULT,
    readyTimeoutMs: config.READY_TIMEOUT,
    drainMs: config.DRAIN_TIMEOUT,
    stopGraceMs: config.STOP_GRACE
  }
}

/** What it says of how functions are kept from everything else. */
export function isolationRules(config: Config): IsolationRules {
  return {
    levelDefault: config.POLICY_DEFAULT,
    levels: config.POLICY_NAMESPACES,
    runtimes: config.RUNTIMES_ALLOWED,
    image: { registries: config.IMAGE_REGISTRIES_ALLOWED, digestRequired: config.IMAGE_DIGEST_REQUIRED }
  }
}
