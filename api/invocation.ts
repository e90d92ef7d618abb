/**
 * Where an asynchronous call is: it waits for its (next) attempt, is being carried out, is over and its callback is still to be
 * delivered; or it has ended, as it should, as a dead letter, or as somebody cancelled it.
 */
export const INVOCATION_PHASES = ['queued', 'running', 'reporting', 'done', 'dead', 'cancelled'] as const
export type InvocationPhase = (typeof INVOCATION_PHASES)[number]

/** Why a call is a dead letter. */
export const DEAD_REASONS = [
  /** The last attempt that it had failed, too. */
  'AttemptsExhausted',
  /** The function was deleted before the call was carried out. */
  'FunctionDeleted',
  /** The gateway was killed during the last attempt that it had, whose outcome nobody knows. */
  'Interrupted',
  /** The gateway does not let it pass, however often it is tried: its body is too large, say. */
  'Refused',
  /** It was carried out; its callback could not be delivered. */
  'CallbackFailed'
] as const
export type DeadReason = (typeof DEAD_REASONS)[number]

/** A call as it is to be carried out later. Headers are name, value, name, value. */
export interface InvocationDraft {
  readonly namespace: string
  readonly name: string
  readonly method: string
  /** Path and query for the function; begins with a slash. */
  readonly path: string
  readonly headers: readonly string[]
  readonly body: Uint8Array
  /** `X-Call-Id`; the id of the invocation when left out. Several invocations may have the same one. */
  readonly callId?: string
  /** Absolute, http or https. */
  readonly callbackUrl?: string
  /** Address of the client, for `X-Forwarded-For`. */
  readonly remoteAddress?: string
  /** A second one with the same key is the same call, as long as the row of the first is kept. */
  readonly dedupeKey?: string
}

/** What is known of a call when it is durable. */
export interface AcceptedInvocation {
  readonly id: string
  readonly callId: string
  /** Ms since the epoch. */
  readonly acceptedAt: number
  /** False: there was one with this `dedupeKey` already, and this is that one. */
  readonly isNew: boolean
}

/**
 * Writes a call down to be carried out; it is on the disk when the promise resolves. Throws `NotFoundError` when there is no
 * such function, `QueueFullError` when too much waits already, and what the store throws.
 */
export type Enqueue = (draft: InvocationDraft) => Promise<AcceptedInvocation>

/** An asynchronous call as the API shows it: no header and no byte of a body. Times are RFC 3339. */
export interface InvocationView {
  readonly id: string
  readonly callId: string
  readonly namespace: string
  readonly name: string
  readonly method: string
  /** Without its query, which may hold secrets. */
  readonly path: string
  readonly phase: InvocationPhase
  /** Of a dead letter. */
  readonly reason?: DeadReason
  /** How often it was tried, the attempt under way among them. */
  readonly attempts: number
  readonly bodyBytes: number
  readonly acceptedAt: string
  /** When the next attempt is due, of one that waits. */
  readonly dueAt?: string
  readonly finishedAt?: string
  /** Status of the last answer. */
  readonly status?: number
  /** How long the last attempt took. */
  readonly durationSeconds?: number
  readonly callback?: CallbackView
}

export interface CallbackView {
  /** Scheme, host and port only: path and query may hold secrets. */
  readonly origin: string
  readonly state: CallbackState
  readonly attempts: number
  /** Why the last attempt failed. */
  readonly error?: string
}

export type CallbackState = 'waiting' | 'delivered' | 'failed'
