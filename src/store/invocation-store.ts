import type {
  AcceptedInvocation,
  CallbackState,
  DeadReason,
  InvocationDraft,
  InvocationPhase,
  InvocationView
} from '../../api/invocation.ts'
import type { Namespaces } from '../../api/scope.ts'

/** Rows that one write changes at most when somebody asks for all of them. */
export const MAX_AT_ONCE = 1000

/** Headers and body of a request or of an answer; headers are name, value, name, value. */
export interface InvocationPayload {
  readonly head: readonly string[]
  readonly body: Uint8Array
}

/** A call that its owner is to carry out, or whose callback it is to deliver. */
export interface ClaimedInvocation {
  readonly seq: number
  readonly id: string
  readonly callId: string
  readonly namespace: string
  readonly name: string
  readonly method: string
  readonly path: string
  readonly remoteAddress: string | undefined
  /** This attempt among them. */
  readonly attempts: number
  readonly acceptedAt: number
  /** Its user and password are encrypted. */
  readonly callbackUrl: string | undefined
  /** This one among them. */
  readonly callbackAttempts: number
  /** Of the last answer. */
  readonly status: number | undefined
  readonly durationMs: number | undefined
  readonly bodyBytes: number
  /** Of headers and bodies, of the request and the answer, as far as they are kept. */
  readonly storedBytes: number
  /** The request; of one whose callback is due, the answer. */
  readonly payload: InvocationPayload
}

export interface ClaimOptions {
  readonly namespace: string
  readonly name: string
  readonly phase: 'queued' | 'reporting'
  readonly limit: number
  readonly owner: string
  readonly now: number
  /** What is due later than this is due now: nothing waits so long, so the clock was set back. */
  readonly farthest?: number
  readonly leaseUntil: number
}

export interface Claims {
  readonly claimed: readonly ClaimedInvocation[]
  /** When the next of those that were left is due; absent: none is left. */
  readonly nextDueAt?: number
}

/** What became of an attempt. */
export type Settlement =
  | { readonly kind: 'retry'; readonly dueAt: number; readonly status: number; readonly durationMs: number }
  /** Not carried out, and as if it had not been tried. */
  | { readonly kind: 'return'; readonly dueAt: number }
  | {
      readonly kind: 'end'
      /** Absent: it went well. */
      readonly reason?: DeadReason
      readonly status: number
      readonly durationMs: number
      /** What the callback gets, if there is one. */
      readonly result: InvocationPayload
    }
  | { readonly kind: 'delivered' }
  | { readonly kind: 'undelivered'; readonly error: string; readonly dueAt?: number }

/** A call that came from one phase into another; `running` stands for all that were taken. */
export interface MovedInvocation {
  /** Rises with each call that is accepted. */
  readonly seq: number
  readonly id: string
  readonly namespace: string
  readonly name: string
  readonly from: InvocationPhase
  readonly to: InvocationPhase
  /** What was kept of it before, and what is now. */
  readonly bytes: number
  readonly bytesAfter: number
}

/** How many calls of one function are in one phase, and how many bytes of headers and bodies are kept of them. */
export interface InvocationCount {
  readonly namespace: string
  readonly name: string
  readonly phase: InvocationPhase
  readonly count: number
  readonly bytes: number
}

export interface InvocationFilter {
  readonly namespaces?: Namespaces
  readonly name?: string
  readonly phase?: InvocationPhase
  readonly callId?: string
}

export type DeadFilter = Omit<InvocationFilter, 'phase'> & { readonly id?: string }

export interface InvocationPage {
  readonly items: readonly InvocationView[]
  /** What `before` of the next page is; absent: this is the last. */
  readonly next?: number
}

export interface TrimmedDead {
  readonly dropped: readonly { readonly namespace: string; readonly name: string }[]
  /** Of those that are left. */
  readonly bytes: number
}

export interface Retention {
  /** Calls that ended well, and cancelled ones, that ended before this go. Ms since the epoch. */
  readonly endedBefore: number
  /** The same of dead letters. */
  readonly deadBefore: number
  /** So many of either are kept at most. */
  readonly max: number
}

/**
 * Asynchronous calls as written down. What may be about many changes at most `MAX_AT_ONCE` at a time: it is to be asked again until
 * it finds fewer. What is accepted or purged is on the disk when its promise resolves; every other write is committed then, and told of
 * though its flush may fail: `flushed` waits for it.
 */
export interface InvocationStore {
  accept: (draft: InvocationDraft & { readonly id: string; readonly now: number }) => Promise<AcceptedInvocation>
  /** Takes calls that are due under a lease, the longest due first, and counts the attempt. */
  claim: (options: ClaimOptions) => Promise<Claims>
  /** The URL of a call's callback with its user and password, which are kept encrypted. Throws `SecretUnreadableError`. */
  callbackUrl: (call: Pick<ClaimedInvocation, 'id' | 'namespace' | 'name' | 'callbackUrl'>) => Promise<string>
  /** Ids of the keys that credentials of callbacks are under. */
  usedKeyIds: () => Promise<ReadonlySet<string>>
  /** Writes down what became of an attempt, and ends the lease. Gives the phase; undefined when the call is not the owner's any more. */
  settle: (seq: number, owner: string, settlement: Settlement, now: number) => Promise<InvocationPhase | undefined>
  /** Makes the leases last until then. */
  renew: (seqs: readonly number[], owner: string, leaseUntil: number) => Promise<void>
  /** Puts calls whose lease ran out back, and with `all` those of every other owner: they are due at once. */
  takeBack: (options: {
    readonly owner: string
    readonly now: number
    readonly all: boolean
  }) => Promise<MovedInvocation[]>
  /** Makes dead letters of some calls that wait of a function that is gone. Those with a callback tell it status 404. */
  bury: (namespace: string, name: string, now: number) => Promise<MovedInvocation[]>
  /** Cancels the calls of this call id, in these namespaces, that have not been carried out. */
  cancel: (callId: string, namespaces: Namespaces, now: number) => Promise<MovedInvocation[]>
  /**
   * Puts some dead letters back, the earliest accepted first: those whose callback failed have it delivered again, the others are
   * carried out again. Only those after `after`, or one that died again meanwhile would be put back a second time.
   */
  requeue: (filter: DeadFilter, now: number, after?: number) => Promise<MovedInvocation[]>
  /** Resolves when all that was written until now is on the disk. Throws `StoreUnavailableError`. */
  flushed: () => Promise<void>
  /** Removes some dead letters. Gives how many. */
  purge: (filter: DeadFilter) => Promise<number>
  /** Removes what has ended and is old or too much, some of it at a time. Gives how many. */
  prune: (retention: Retention) => Promise<number>
  /** Removes dead letters, the oldest first, until what is kept of the others is within so many bytes; some of them at a time. */
  trimDead: (maxBytes: number) => Promise<TrimmedDead>
  get: (id: string) => Promise<InvocationView | undefined>
  /** Newest first. */
  list: (
    filter: InvocationFilter,
    page: { readonly limit: number; readonly before?: number }
  ) => Promise<InvocationPage>
  counts: () => Promise<InvocationCount[]>
  /** When the longest waiting call of each function was accepted. Ms since the epoch. */
  oldest: (namespace: string, name: string) => Promise<number | undefined>
}

/** A row as SQLite gives it. */
export interface InvocationRow {
  readonly seq: number
  readonly id: string
  readonly call_id: string
  readonly namespace: string
  readonly name: string
  readonly method: string
  readonly path: string
  readonly remote_address: string | null
  readonly body_bytes: number
  readonly phase: InvocationPhase
  readonly reason: DeadReason | null
  readonly attempts: number
  readonly accepted_at: number
  readonly due_at: number
  readonly finished_at: number | null
  readonly status: number | null
  readonly duration_ms: number | null
  readonly callback_url: string | null
  readonly callback_state: CallbackState | null
  readonly callback_attempts: number
  readonly callback_error: string | null
}
