import type { NamespaceDraft, NamespaceObject } from '../../api/namespace-object.ts'
import type { Usage } from '../../api/quota.ts'
import type { Namespaces } from '../../api/scope.ts'

export interface NamespaceWriteOptions {
  /** Writes only when the namespace still has this `resourceVersion`; else `ConflictError`. */
  readonly ifMatch?: number
  /** Decides and answers as if it wrote, and writes nothing. */
  readonly dryRun?: boolean
}

export interface NamespacePutResult {
  readonly outcome: 'created' | 'changed' | 'unchanged'
  readonly object: NamespaceObject
}

/** Namespaces as written down. A write is one short transaction; it is on the disk when the promise resolves. */
export interface NamespaceStore {
  get: (name: string) => Promise<NamespaceObject | undefined>
  /** By name. */
  list: (namespaces?: Namespaces) => Promise<NamespaceObject[]>
  /**
   * Reads, lets `change` decide, and writes in one transaction. `change` throws to refuse. A draft that equals what is there
   * writes nothing (`unchanged`). Throws `ConflictError` on `ifMatch`.
   */
  put: (
    name: string,
    change: (current: NamespaceObject | undefined) => NamespaceDraft,
    options?: NamespaceWriteOptions
  ) => Promise<NamespacePutResult>
  /**
   * What was deleted; undefined when there was no such namespace. Throws `NamespaceNotEmptyError` while anything is in it or
   * waits for it, and `ConflictError` on `ifMatch`.
   */
  delete: (name: string, options?: NamespaceWriteOptions) => Promise<NamespaceObject | undefined>
  /** What the functions of namespaces take, by namespace; those without functions are left out. */
  usage: (namespaces?: Namespaces) => Promise<ReadonlyMap<string, Usage>>
}
