import type { EventReason, FaasEvent } from '../../api/event.ts'
import type { FunctionDraft, FunctionObject, FunctionStatus, Revision } from '../../api/function.ts'

/** What may be asked of a write. */
export interface WriteOptions {
  /** Writes only when the object still has this `resourceVersion`; else `ConflictError`. */
  readonly ifMatch?: number
  /** Does everything but keep it: gives what would be written. */
  readonly dryRun?: boolean
}

export interface WriteResult {
  readonly outcome: 'created' | 'changed' | 'unchanged'
  readonly object: FunctionObject
}

export interface ListOptions {
  readonly namespace?: string
  /** Label equality: all of these. */
  readonly labels?: Readonly<Record<string, string>>
}

/** One change of one function, in the order of commits. */
export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly object: FunctionObject
}

/**
 * Functions as written down. Everything given out is plain, readonly and the caller's to keep.
 * A write is one short transaction; it is on the disk when the promise resolves.
 */
export interface FunctionStore {
  /** Also gives objects whose deletion was asked for: see `deletionRequestedAt`. */
  get: (key: string) => Promise<FunctionObject | undefined>
  /** By namespace and name. */
  list: (options?: ListOptions) => Promise<FunctionObject[]>
  /**
   * Reads, lets `change` decide, and writes in one transaction. `change` sees the object of that name unless it is being
   * deleted (then undefined: a new object with a new uid takes its place), and throws to refuse. A draft that equals what
   * is there writes nothing (`unchanged`). Throws `ConflictError` on `ifMatch`.
   */
  put: (
    key: string,
    change: (current: FunctionObject | undefined) => FunctionDraft,
    options?: WriteOptions
  ) => Promise<WriteResult>
  /** Asks for deletion; undefined when there is no such object or it is being deleted already. */
  markDeleted: (key: string, options?: WriteOptions) => Promise<FunctionObject | undefined>
  /** Removes the row of an object whose deletion was asked for, its revisions with it; no effect when `uid` is not its uid any more. */
  remove: (key: string, uid: string) => Promise<void>
  /**
   * Writes status, if it differs from what is there in more than `lastReconciledAt`, and never anything else.
   * Gives the object, or undefined when that uid is gone.
   */
  putStatus: (key: string, uid: string, status: FunctionStatus) => Promise<FunctionObject | undefined>
  /** Newest first; at most ten are kept, the current one among them. A change of replicas alone makes none. */
  revisions: (key: string) => Promise<Revision[]>
  /** The resourceVersion of the last committed write. */
  resourceVersion: () => number
  /** Changes with a greater resourceVersion than this, then those that come, until `signal` aborts. Throws `GoneError` when they are no longer kept. */
  watch: (resourceVersion: number, signal: AbortSignal) => AsyncIterable<Change>
  /** Calls `listener` after every commit, in the tick of the write; gives a function that ends it. */
  onChange: (listener: (change: Change) => void) => () => void
}

export interface EventDraft {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly type: 'Normal' | 'Warning'
  readonly reason: EventReason
  readonly message: string
}

/** What happened, for people. Bounded: the newest 100 of each object, and nothing older than a week. */
export interface EventStore {
  /** Writes one down; the same reason and message again within an hour only counts. */
  record: (event: EventDraft) => Promise<void>
  /** Newest first. */
  list: (options?: { namespace?: string; name?: string; limit?: number }) => Promise<FaasEvent[]>
}

/** An image that this installation pulled itself. */
export interface PulledImage {
  /** `sha256:…`, as the engine has it. */
  readonly imageId: string
  /** Every reference that it was pulled by, with registry and tag or digest, in the order of pulls. */
  readonly references: readonly string[]
  /** Milliseconds since the epoch; absent while it is in use. */
  readonly unusedSince?: number
}

/** Which images came by pulls of ours, so that those alone are removed again. */
export interface ImageStore {
  list: () => Promise<PulledImage[]>
  /** Writes down that a pull of the reference brought the image. */
  record: (imageId: string, reference: string) => Promise<void>
  /** Since when nothing uses it, in milliseconds since the epoch; undefined: it is in use. */
  putUnusedSince: (imageId: string, since: number | undefined) => Promise<void>
  /** It is not there any more. */
  forget: (imageId: string) => Promise<void>
  /** What functions and their kept revisions name: image references as they were given, and ids and digests of pins. */
  wanted: () => Promise<string[]>
}
