import type { Undecided } from '../../api/adoption.ts'
import type { FaasEvent } from '../../api/event.ts'
import type { EventReason } from '../../api/event-reason.ts'
import type { FunctionDraft, FunctionObject, FunctionScale, FunctionStatus, Revision } from '../../api/function.ts'
import type { Namespaces } from '../../api/scope.ts'

/** What may be asked of a write. */
export interface WriteOptions {
  /** Writes only when the object still has this `resourceVersion`; else `ConflictError`. */
  readonly ifMatch?: number
  /** Does everything but keep it: gives what would be written. */
  readonly dryRun?: boolean
  /** What is asked of the namespace. Left out: nothing, and it is made where it is not there. */
  readonly admission?: Admission
}

/**
 * Asks that the namespace of what is written is there and has room by its quota: else `ValidationError`, `QuotaExceededError`
 * or `TooManyFunctionsError`.
 */
export interface Admission {
  /** Most functions of a namespace; 0: any number. */
  readonly maxFunctions: number
}

export interface WriteResult {
  readonly outcome: 'created' | 'changed' | 'unchanged'
  readonly object: FunctionObject
}

export interface ListOptions {
  readonly namespaces?: Namespaces
  /** Label equality: all of these. */
  readonly labels?: Readonly<Record<string, string>>
}

/** How many replicas there are to be, and what goes with it. */
export interface ScaleDecision {
  readonly replicas: number
  /** Left out: nothing beside the number. */
  readonly scale?: FunctionScale
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
  /**
   * Reads, lets `decide` say how large the function is to be, and writes it, which is a new generation when the number of
   * replicas changes; `undefined`, or what is there already, writes nothing. `most` is how many replicas the quota of the
   * namespace leaves it, never fewer than it has: more are not to be decided. For the autoscaler: it is not audited. Gives the
   * object, or undefined when that uid is gone or is being deleted.
   */
  putScale: (
    key: string,
    uid: string,
    decide: (current: FunctionObject, most: number) => ScaleDecision | undefined
  ) => Promise<FunctionObject | undefined>
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

/** Which events: those that all of it is true of. */
export interface EventFilter {
  readonly namespaces?: Namespaces
  readonly name?: string
  readonly uid?: string
  readonly type?: EventDraft['type']
  readonly reason?: string
  /** RFC 3339; those that happened, or happened again, then or later. */
  readonly since?: string
}

export interface EventListOptions extends EventFilter {
  readonly limit?: number
  /** Those of which a watch from this resourceVersion says nothing. */
  readonly upTo?: number
}

/** What happened, for people. Bounded: the newest 100 of each object, and nothing older than a week. */
export interface EventStore {
  /** Writes one down; the same reason and message again within an hour only counts. */
  record: (event: EventDraft) => Promise<void>
  /** Newest first. */
  list: (options?: EventListOptions) => Promise<FaasEvent[]>
  /** The resourceVersion of the event that was recorded, or counted, last. It goes on where it was when the gateway starts again. */
  resourceVersion: () => number
  /**
   * Events that were recorded or counted after this resourceVersion, the oldest first, then those that come, until `signal`
   * aborts. Each as it is when it is told: what happened again before anybody asked is told once, with its count.
   */
  watch: (resourceVersion: number, filter: EventFilter, signal: AbortSignal) => AsyncIterable<FaasEvent>
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

/** Found to be older than what runs; until a person decides, nothing unknown is removed or replaced. */
export interface Latch {
  /** Milliseconds since the epoch. */
  readonly since: number
  /** The highest resourceVersion that was found on what runs. */
  readonly newest: number
  readonly undecided: readonly Undecided[]
}

export interface AdoptionState {
  /** The resourceVersion that this database was opened with, before anybody compared it with what runs. */
  readonly baseline: number
  /** When that was; milliseconds since the epoch. What is written later, a person wrote to this database. */
  readonly openedAt: number
  readonly latch?: Latch
}

/** One function as it is to be written. */
export interface DecidedFunction {
  readonly object: FunctionObject
  /** The resourceVersion that the decision is about; absent when there was no such function. */
  readonly readAt?: number
}

/** What a person has decided, and what is written for it. */
export interface Decision {
  /** Written as they are, in the place of what was read under their names, but for the resourceVersion. */
  readonly functions: readonly DecidedFunction[]
  /** Keys that are decided now. */
  readonly decided: readonly string[]
  /** Uids of what may be collected as garbage, though the database never knew it. */
  readonly discarded: readonly string[]
  /** Nothing is left to decide. */
  readonly isFinal: boolean
}

/** Whether this database goes on from what runs. Survives restarts, as what it is asked about does. */
export interface AdoptionStore {
  /** Undefined when what runs was compared with the database and found to be known. */
  state: () => Promise<AdoptionState | undefined>
  /** Notes that what runs is still to be compared with the database as it is now, unless that is noted already. */
  begin: () => Promise<AdoptionState>
  /** Notes that the database knows what runs. Its resourceVersion is `newest` at least from now on. */
  pass: (newest: number) => Promise<void>
  latch: (latch: Latch) => Promise<void>
  /** Uids that a person has given up. */
  discarded: () => Promise<ReadonlySet<string>>
  /**
   * Writes all of it in one transaction. Gives the latch as it is then; undefined when it is open. Throws
   * `ConflictError`, and writes nothing, when one of the functions was written meanwhile.
   */
  decide: (decision: Decision) => Promise<Latch | undefined>
}
