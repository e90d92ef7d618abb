/**
 * What is asked about an object. Source: Kubernetes API conventions, "typical status properties". `Uncovered` and `Exposed` are there only
 * where it is so: debug ports can be reached from elsewhere than the engine's host, as its operator has chosen.
 */
export const CONDITION_TYPES = ['Ready', 'Progressing', 'Degraded', 'Exposed', 'Uncovered'] as const
export type ConditionType = (typeof CONDITION_TYPES)[number]

/** Every reason that a condition or an event may give; clients may match on them. */
export const REASONS = [
  // all is well
  'ReplicasReady',
  'ScaledToZero',
  'Frozen',
  'Converged',
  'AsWanted',
  // under way
  'Reconciling',
  'ImagePulling',
  'WaitingForReadiness',
  'RollingOut',
  'Scaling',
  'Deleting',
  // faults
  'ImageNotFound',
  'ImagePullUnauthorized',
  'ImagePullFailed',
  'CrashLoopBackOff',
  'OOMKilled',
  'ReplicaExited',
  'LivenessFailed',
  'ReadinessTimeout',
  'StartFailed',
  'SubnetsExhausted',
  'SubnetConflict',
  'NetworkTooSmall',
  'BridgeFull',
  'NetworkBusy',
  'NameConflict',
  'PortInUse',
  'DebugAddressMissing',
  'DebugPortsExhausted',
  'DebugPortsExposed',
  'NetworkOutsidePool',
  'DiskPressure',
  'SecretMissing',
  'SecretUnreadable',
  'ProfileMissing',
  'PolicyViolation',
  'RuntimeMissing',
  'DatabaseRestored',
  'EngineUnreachable',
  'EngineError',
  'InternalError'
] as const
export type Reason = (typeof REASONS)[number]

const NEEDS_PERSON: ReadonlySet<Reason> = new Set([
  'ImageNotFound',
  'ImagePullUnauthorized',
  'NetworkTooSmall',
  'NameConflict',
  'DebugAddressMissing',
  'SecretMissing',
  'SecretUnreadable',
  'ProfileMissing',
  'PolicyViolation',
  'RuntimeMissing',
  'DatabaseRestored'
])

/**
 * Whether a fault stays until somebody mends what it names: neither time, another try nor the end of another function helps. Of
 * those that may pass by themselves, such as a registry that is down or a replica that ends, it is false. Pure.
 */
export function needsPerson(reason: Reason): boolean {
  return NEEDS_PERSON.has(reason)
}

export interface Condition {
  readonly type: ConditionType
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason: Reason
  /** For people: what is so and, when it is bad, what helps. */
  readonly message: string
  /** RFC 3339; when `status` last changed. */
  readonly lastTransitionTime: string
}

/** The condition of that type, if it was ever set. */
export function getCondition(conditions: readonly Condition[], type: ConditionType): Condition | undefined {
  return conditions.find(c => c.type === type)
}

/** The condition with its `lastTransitionTime`: that of `before` as long as `status` is the same, else `now`. */
export function transition(
  before: readonly Condition[],
  next: Omit<Condition, 'lastTransitionTime'>,
  now: string
): Condition {
  const old = getCondition(before, next.type)
  return { ...next, lastTransitionTime: old?.status === next.status ? old.lastTransitionTime : now }
}
