import { callSettingFaults } from './call-settings.ts'
import { unknownNamespaceMessage } from './errors.ts'
import type { FunctionObject } from './function.ts'
import { ISOLATION_RULES, type IsolationRules } from './isolation.ts'
import { DNS_LABEL, type StringMap } from './meta.ts'
import { MIN_REPLICAS_LABEL, minReplicasOf, NAME_RULE, type ReplicaLimits, tooManyReplicas } from './openfaas.ts'
import { probeFaults } from './probe.ts'
import type { KnownProfiles } from './profile.ts'
import { namedProfileFaults } from './profile-rules.ts'
import { about, type Rule, type Violation, violationsOfRules } from './rule.ts'
import { scalingFaults } from './scaling.ts'
import { scheduleFaults } from './schedule.ts'

const MIN_FIELD = `labels.${MIN_REPLICAS_LABEL}`

/** What a request wants of a function; what of it cannot be read is left out. */
export interface WantedFunction {
  readonly name?: string | undefined
  readonly namespace?: string | undefined
  readonly labels: StringMap
  readonly annotations: StringMap
  readonly image?: string | undefined
  readonly debug: boolean
  /** As the request names them; undefined: as many as now, or what a new function gets. */
  readonly replicas?: number | undefined
  /** Names of the secrets that it mounts. */
  readonly secrets?: readonly string[] | undefined
  /** Names of those that its namespace has; absent: it may name what comes later. */
  readonly knownSecrets?: ReadonlySet<string> | undefined
  /** Whether there is no such namespace; undefined: nobody has looked. */
  readonly isNamespaceMissing?: boolean
  /** What is there; undefined for a new function. */
  readonly current: FunctionObject | undefined
}

/** What the operator allows. */
export interface OperatorRules {
  readonly rules: IsolationRules
  readonly limits: ReplicaLimits
  /** What functions may name. */
  readonly profiles: KnownProfiles
}

/**
 * Everything that is asked of a function as a whole, beyond the form of each field (`FunctionInput`, `Deployment`). A new rule
 * is one more entry: both APIs then tell of it, together with all else that is wrong.
 */
const FUNCTION_RULES: readonly Rule<WantedFunction, OperatorRules>[] = [
  { kind: 'invalid', faults: ({ name, current }) => about('name', nameFaults(name, current)) },
  { kind: 'invalid', faults: ({ namespace, current }) => about('namespace', nameFaults(namespace, current)) },
  { kind: 'invalid', faults: wanted => about('namespace', missingNamespaceFaults(wanted)) },
  { kind: 'invalid', faults: (wanted, operator) => about('replicas', replicaFaults(wanted, operator)) },
  { kind: 'invalid', faults: (wanted, operator) => about(MIN_FIELD, minReplicaFaults(wanted, operator)) },
  { kind: 'invalid', faults: wanted => about('secrets', secretFaults(wanted)) },
  ...ISOLATION_RULES.map(({ kind, faults }) => ({
    kind,
    faults: (wanted: WantedFunction, { rules }: OperatorRules) => faults(wanted, rules)
  })),
  { kind: 'invalid', faults: ({ labels, annotations }) => scalingFaults(labels, annotations) },
  { kind: 'invalid', faults: ({ annotations }) => callSettingFaults(annotations) },
  { kind: 'invalid', faults: ({ annotations }) => scheduleFaults(annotations) },
  { kind: 'invalid', faults: ({ annotations }) => probeFaults(annotations) },
  {
    kind: 'invalid',
    faults: (wanted, { rules, profiles }) => about('annotations', namedProfileFaults(wanted, rules, profiles))
  }
]

/** Everything that the request may not have, or cannot. Pure. */
export function functionViolations(wanted: WantedFunction, operator: OperatorRules): Violation[] {
  return violationsOfRules(FUNCTION_RULES, wanted, operator)
}

/** What is there since the older program keeps its name. */
function nameFaults(name: string | undefined, current: FunctionObject | undefined): string[] {
  if (current !== undefined || name === undefined || DNS_LABEL.test(name)) return []
  return [`${NAME_RULE}, got ${JSON.stringify(name.slice(0, 64))}`]
}

/** One whose name none can have is told of as such. */
function missingNamespaceFaults({ namespace, isNamespaceMissing = false, current }: WantedFunction): string[] {
  const isTold = namespace === undefined || current !== undefined || !DNS_LABEL.test(namespace)
  return isNamespaceMissing && !isTold ? [unknownNamespaceMessage(namespace)] : []
}

function replicaFaults({ replicas, current }: WantedFunction, { limits }: OperatorRules): string[] {
  return replicas === undefined || replicas === current?.spec.replicas ? [] : tooManyReplicas(replicas, limits)
}

/** What is there already keeps the secrets that it had: its condition tells of those that are missing. */
function secretFaults({ secrets = [], knownSecrets, current }: WantedFunction): string[] {
  if (knownSecrets === undefined) return []
  const had = new Set(current?.spec.secrets)
  const missing = secrets.filter(name => !knownSecrets.has(name) && !had.has(name))
  return missing.map(name => `there is no secret ${name} in its namespace: create it first`)
}

/** Of a new function that names no number, the label says how many there are. */
function minReplicaFaults({ labels, replicas, current }: WantedFunction, { limits }: OperatorRules): string[] {
  const min = current === undefined && replicas === undefined ? minReplicasOf(labels) : undefined
  return min === undefined ? [] : tooManyReplicas(min, limits)
}
