import type { EventList, FaasEvent } from '../../api/event.ts'
import type { FunctionObject, Revision } from '../../api/function.ts'
import type { SecretObject } from '../../api/secret.ts'

/** A function as `/v1` gives it. */
export function toFunctionResource(object: FunctionObject) {
  return { apiVersion: 'v1', kind: 'Function', ...object } as const
}

/** Functions as `/v1` lists them; `resourceVersion` is where a watch goes on from. */
export function toFunctionList(objects: readonly FunctionObject[], resourceVersion: number) {
  const items = objects.map(toFunctionResource)
  return { apiVersion: 'v1', kind: 'FunctionList', metadata: { resourceVersion }, items } as const
}

/** The status of a function, with what tells which state of it the status speaks of. */
export function toFunctionStatusResource({ metadata, status }: FunctionObject) {
  const { name, namespace, uid, generation, resourceVersion } = metadata
  return {
    apiVersion: 'v1',
    kind: 'FunctionStatus',
    metadata: { name, namespace, uid, generation, resourceVersion },
    status
  } as const
}

/** Events as `/v1` lists them; `resourceVersion` is where a watch goes on from. */
export function toEventList(items: readonly FaasEvent[], resourceVersion: number): EventList {
  return { apiVersion: 'v1', kind: 'EventList', metadata: { resourceVersion }, items: [...items] }
}

export function toRevisionList(items: readonly Revision[]) {
  return { apiVersion: 'v1', kind: 'RevisionList', items } as const
}

/** A secret as `/v1` gives it: all that is known of it but its value. */
export function toSecretResource(secret: SecretObject, usedBy: readonly string[]) {
  const { name, namespace, uid, resourceVersion, createdAt, updatedAt, version, sizeBytes } = secret
  const metadata = { name, namespace, uid, resourceVersion, createdAt, updatedAt }
  return { apiVersion: 'v1', kind: 'Secret', metadata, version, sizeBytes, usedBy } as const
}

export function toSecretList(items: readonly ReturnType<typeof toSecretResource>[]) {
  return { apiVersion: 'v1', kind: 'SecretList', items } as const
}

/** The ETag of an object. */
export function etagOf(object: FunctionObject): string {
  return `"${object.metadata.resourceVersion}"`
}
