import type { Reason } from '../../api/condition.ts'
import { FaasError } from '../../api/errors.ts'
import { faultOfMessage } from '../../src/engine/engine-fault.ts'
import { EngineError, type EngineFault } from '../../src/engine/faults.ts'
import { SecretKeyError, SecretUnreadableError } from '../../src/store/errors.ts'

/** A container or network of somebody else has the name that ours needs. */
export class NameConflictError extends FaasError {
  override name = 'NameConflictError'
  readonly code = 'NAME_CONFLICT'
  readonly status = 409
  constructor(kind: string, objectName: string, options?: ErrorOptions) {
    super(`${kind} name ${objectName} is taken by one that is not ours; remove or rename it`, options)
  }
}

/** No free subnet is left in the pool. */
export class SubnetsExhaustedError extends FaasError {
  override name = 'SubnetsExhaustedError'
  readonly code = 'SUBNETS_EXHAUSTED'
  readonly status = 503
  /** Milliseconds: nobody tells when a subnet is freed, and asking costs little. */
  readonly maxBackoffMs = 5000
  constructor(prefix: number, options?: ErrorOptions) {
    super(`no free /${prefix} is left in FUNCTIONS_SUBNET_POOL; delete functions or enlarge the pool`, options)
  }
}

/** No port of the range is left for debuggers. */
export class PortsExhaustedError extends FaasError {
  override name = 'PortsExhaustedError'
  readonly code = 'DEBUG_PORTS_EXHAUSTED'
  readonly status = 503
  /** Milliseconds: nobody tells when a port is freed, and asking costs little. */
  readonly maxBackoffMs = 5000
  constructor(options?: ErrorOptions) {
    super('no port is left in DEBUG_PORT_RANGE; enlarge the range, or turn debug off where it is not needed', options)
  }
}

/** A volume with secrets is not what it should be: it was cut short, or removed by somebody. It is made anew. */
export class SecretsIncompleteError extends FaasError {
  override name = 'SecretsIncompleteError'
  readonly code = 'SECRETS_INCOMPLETE'
  readonly status = 503
  constructor(volume: string, options?: ErrorOptions) {
    super(`volume ${volume} does not hold all secrets; it is written anew`, options)
  }
}

/** The pass reached its deadline: what it was at took too long. */
export class PassTimeoutError extends FaasError {
  override name = 'PassTimeoutError'
  readonly code = 'PASS_TIMEOUT'
  readonly status = 504
}

const REASON_OF_FAULT: Readonly<Record<EngineFault, Reason>> = {
  'not-found': 'EngineError',
  'no-image': 'ImageNotFound',
  'name-in-use': 'NameConflict',
  'subnet-overlap': 'SubnetsExhausted',
  'port-in-use': 'PortInUse',
  'no-address': 'DebugAddressMissing',
  busy: 'EngineError',
  unchanged: 'EngineError',
  unauthorized: 'ImagePullUnauthorized',
  throttled: 'EngineError',
  'no-space': 'DiskPressure',
  'bridge-full': 'BridgeFull',
  timeout: 'EngineUnreachable',
  unavailable: 'EngineUnreachable',
  aborted: 'EngineError',
  other: 'EngineError'
}

/** Whether the engine refuses to remove a network because something is on it, or because it says so. */
export function isNetworkBusy(err: unknown): boolean {
  return err instanceof EngineError && err.operation === 'network_remove' && err.fault === 'busy'
}

/** The reason that a condition gives for what stopped a pass. */
export function reasonOf(err: unknown): Reason {
  if (err instanceof NameConflictError) return 'NameConflict'
  if (err instanceof SubnetsExhaustedError) return 'SubnetsExhausted'
  if (err instanceof PortsExhaustedError) return 'DebugPortsExhausted'
  if (err instanceof SecretsIncompleteError) return 'EngineError'
  if (err instanceof SecretUnreadableError || err instanceof SecretKeyError) return 'SecretUnreadable'
  if (isNetworkBusy(err)) return 'NetworkBusy'
  if (err instanceof EngineError) {
    if (err.isUnreachable && !err.isEngineAway) return 'EngineError'
    return err.fault === 'other' && err.operation === 'container_start' ? 'StartFailed' : REASON_OF_FAULT[err.fault]
  }
  return err instanceof PassTimeoutError ? 'EngineError' : 'InternalError'
}

/** Faults whose words say why a container did not start, rather than how the engine is. */
const TOLD_OF_START: ReadonlySet<EngineFault> = new Set(['no-space', 'bridge-full', 'port-in-use', 'no-address'])

/** The reason that a condition gives for a replica that could not be started, out of what the engine said of it. */
export function startReasonOf(message: string): Reason {
  const fault = faultOfMessage(message)
  return TOLD_OF_START.has(fault) ? REASON_OF_FAULT[fault] : 'StartFailed'
}

/** The reason that a condition gives for a pull that failed. */
export function pullReasonOf(fault: EngineFault): Reason {
  switch (fault) {
    case 'no-image':
    case 'not-found':
      return 'ImageNotFound'
    case 'unauthorized':
      return 'ImagePullUnauthorized'
    case 'no-space':
      return 'DiskPressure'
    default:
      return 'ImagePullFailed'
  }
}
