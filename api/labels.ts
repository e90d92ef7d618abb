import type { StringMap } from './meta.ts'

/** Keys of the labels by which the loop knows its own objects in Docker. Users may not set these, and only these. */
export const LABEL = {
  instance: 'com.docker-faas.instance',
  namespace: 'com.docker-faas.namespace',
  function: 'com.docker-faas.function',
  uid: 'com.docker-faas.uid',
  generation: 'com.docker-faas.generation',
  specHash: 'com.docker-faas.spec-hash',
  ordinal: 'com.docker-faas.ordinal',
  /** The ports of the host that lead to its debuggers: see `api/debug-ports.ts`. */
  debugPorts: 'com.docker-faas.debug-ports',
  role: 'com.docker-faas.role',
  /** What is written down of the function, so that a lost database can be made again: see `api/record.ts`. */
  spec: 'com.docker-faas.spec',
  /** The database's resourceVersion when the object was made. */
  resourceVersion: 'com.docker-faas.resource-version',
  /** The limits that a replica was made with, where no spec names them: see `controllers/function/limits.ts`. */
  limits: 'com.docker-faas.limits',
  /** Proves that the object is of our making: see `api/signature.ts`. */
  signature: 'com.docker-faas.signature'
} as const

export type Role = 'replica' | 'network' | 'secrets' | 'loader'

const RESERVED: ReadonlySet<string> = new Set(Object.values(LABEL))

export function isReservedLabel(key: string): boolean {
  return RESERVED.has(key)
}

/** Whose an object in Docker is. */
export interface Owner {
  readonly instance: string
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly generation: number
}

/** The identity labels of any object that we make. Compose's keys group it in Docker Desktop and `docker compose ls`. */
export function ownerLabels(owner: Owner, role: Role): Record<string, string> {
  return {
    'com.docker.compose.project': owner.instance,
    'com.docker.compose.service': owner.name,
    [LABEL.instance]: owner.instance,
    [LABEL.namespace]: owner.namespace,
    [LABEL.function]: owner.name,
    [LABEL.uid]: owner.uid,
    [LABEL.generation]: String(owner.generation),
    [LABEL.role]: role
  }
}

/** The owner that an object's labels name; undefined when they are not ours or not whole. */
export function ownerOf(labels: StringMap): Owner | undefined {
  const instance = labels[LABEL.instance]
  const namespace = labels[LABEL.namespace]
  const name = labels[LABEL.function]
  const uid = labels[LABEL.uid]
  if (instance === undefined || namespace === undefined || name === undefined || uid === undefined) return undefined
  return { instance, namespace, name, uid, generation: Number(labels[LABEL.generation] ?? 0) }
}

/**
 * The user's labels that go on containers, and so need new ones when they change. Those of the autoscaler
 * (`com.openfaas.scale.*`) stay off: changing how a function scales must not replace its replicas.
 */
export function containerLabels(labels: StringMap): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([key]) => !key.startsWith('com.openfaas.scale.')))
}
