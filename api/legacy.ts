import { LABEL } from './labels.ts'
import type { StringMap } from './meta.ts'
import { networkName, outdatedName, qualifiedName } from './names.ts'

/** Labels that the older program (1.0 to 2.2) put on what it made, beside `LABEL.function`. */
const LEGACY_LABEL = {
  type: 'com.docker-faas.type',
  replica: 'com.docker-faas.replica',
  networkName: 'com.docker-faas.network.name',
  network: 'com.docker-faas.network',
  networkType: 'com.docker-faas.network.type',
  networkFunction: 'com.docker-faas.network.function'
} as const

/** Takes the place of the spec hash, which the older program had not; no hash is written so. */
export const LEGACY_HASH = 'legacy'

/** A container that the older program made for a function. */
export interface LegacyReplica {
  /** As it was in its database and in URLs: `hello`, or `hello.team-a`. */
  readonly functionName: string
  readonly ordinal: number
  /** Name of the network that it was put on. */
  readonly networkName: string
}

/** Whose containers of the older program may be taken over: a function that came from its database. */
export interface Heir {
  readonly uid: string
  readonly functionName: string
  /** The networks on which the older program ran it. */
  readonly networkNames: readonly string[]
}

/** Labels that select the older program's containers; those of one function, when it is named. */
export function legacyFilter(functionName = ''): StringMap {
  return {
    [LABEL.function]: functionName,
    [LEGACY_LABEL.type]: 'function',
    [LEGACY_LABEL.replica]: '',
    [LEGACY_LABEL.networkName]: ''
  }
}

/** Whether labels are those of a container, or of a network, of the older program. */
export function isLegacyObject(labels: StringMap): boolean {
  return legacyFunctionOf(labels) !== undefined || labels[LEGACY_LABEL.network] === 'true'
}

/** The function whose container of the older program carries these labels; undefined when an instance of ours owns it. */
export function legacyFunctionOf(labels: StringMap): string | undefined {
  const isWhole = Object.entries(legacyFilter()).every(
    ([key, value]) => (labels[key] ?? '') !== '' && (value === '' || labels[key] === value)
  )
  return isWhole && labels[LABEL.instance] === undefined ? labels[LABEL.function] : undefined
}

/**
 * The older program's replica that this container is, under its own name or the one it is moved aside to. Undefined
 * when it is none: when a label is missing, when the name does not follow from the labels, or when any instance of ours
 * owns it.
 */
export function legacyReplicaOf(container: {
  readonly name: string
  readonly labels: StringMap
}): LegacyReplica | undefined {
  const { name, labels } = container
  const functionName = legacyFunctionOf(labels)
  const { [LEGACY_LABEL.replica]: ordinal = '', [LEGACY_LABEL.networkName]: network = '' } = labels
  if (functionName === undefined || !/^\d{1,4}$/.test(ordinal)) return undefined
  const canonical = `${functionName}-${ordinal}`
  if (name !== canonical && name !== outdatedName(canonical, LEGACY_HASH)) return undefined
  return { functionName, ordinal: Number(ordinal), networkName: network }
}

/** The heir that an inherited function is. */
export function heirOf(
  {
    metadata,
    spec
  }: { metadata: { uid: string; namespace: string; name: string }; spec: { network?: string | undefined } },
  functionsNetwork: string
): Heir {
  const own = networkName(functionsNetwork, metadata)
  return {
    uid: metadata.uid,
    functionName: qualifiedName(metadata),
    networkNames: spec.network === undefined ? [own] : [own, spec.network]
  }
}

/** Whether the heir takes over this replica. */
export function inherits(heir: Heir, replica: LegacyReplica): boolean {
  return replica.functionName === heir.functionName && heir.networkNames.includes(replica.networkName)
}

/** Whether the older program made a network with these labels for the function, and no instance of this program did. */
export function isLegacyNetwork(labels: StringMap, functionName: string): boolean {
  return (
    labels[LABEL.instance] === undefined &&
    labels[LEGACY_LABEL.network] === 'true' &&
    labels[LEGACY_LABEL.networkType] === 'function' &&
    labels[LEGACY_LABEL.networkFunction] === functionName
  )
}
