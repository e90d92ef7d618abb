import { DEFAULT_NAMESPACE } from './namespace.ts'

/** A DNS label: what new names of functions and namespaces look like. Source: RFC 1123. */
export const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/

/**
 * A name, or a namespace that was part of one, that the older Docker FaaS accepted. Objects with such a name go on living
 * and can be managed; new ones are DNS labels.
 */
export const LEGACY_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/

interface Named {
  readonly namespace: string
  readonly name: string
}

/** `hello` in the default namespace, `hello.team-a` elsewhere: how URLs and Docker objects name a function. */
export function qualifiedName({ namespace, name }: Named): string {
  return namespace === DEFAULT_NAMESPACE ? name : `${name}.${namespace}`
}

/** The function that `hello` or `hello.team-a` names. */
export function parseQualifiedName(text: string): Named {
  const dot = text.indexOf('.')
  return dot < 0
    ? { namespace: DEFAULT_NAMESPACE, name: text }
    : { namespace: text.slice(dot + 1), name: text.slice(0, dot) }
}

/** Name of the container of one ordinal. It is the lock: the engine refuses a second one. */
export function replicaName(fn: Named, ordinal: number): string {
  return `${qualifiedName(fn)}-${ordinal}`
}

/** Name that an outdated replica is moved to, so that its successor can take the canonical one. */
export function outdatedName(canonical: string, specHash: string): string {
  return `${canonical}-${specHash}`
}

/** Name of a function's own network. */
export function networkName(base: string, fn: Named): string {
  return `${base}-${qualifiedName(fn)}`
}

/** Name of the volume with the secrets of a function, and of the container that writes it. `hash` is of `secretsHash`. */
export function secretsVolumeName(fn: Named, hash: string): string {
  return `${qualifiedName(fn)}-secrets-${hash}`
}

/** Whether `secretsVolumeName` gives such names; those of volumes that an image asks for are 64 hex digits. */
export function isSecretsVolumeName(name: string): boolean {
  return /-secrets-[0-9a-f]{8}$/.test(name)
}

/** The function whose network has this name; undefined when it is not one of ours. */
export function parseNetworkName(base: string, network: string): Named | undefined {
  return network.startsWith(`${base}-`) && network.length > base.length + 1
    ? parseQualifiedName(network.slice(base.length + 1))
    : undefined
}
