import type { RetrySettings } from '../../api/call-settings.ts'
import type { DeadReason } from '../../api/invocation.ts'
import type { Clock } from '../clock.ts'
import type { ClaimedInvocation, InvocationPayload, InvocationStore } from '../store/invocation-store.ts'
import type { Delivered } from './callback.ts'
import type { Lanes } from './lanes.ts'
import type { Attempted } from './outcome.ts'

/** What the dispatcher counts. */
export interface AsyncMetrics {
  /** A call is being carried out, or has been. */
  inflight: (key: string, change: 1 | -1) => void
  /** A call has come to its end, or is to be tried again. */
  processed: (key: string, result: 'done' | 'retried' | DeadReason) => void
  callback: (result: 'delivered' | 'retried' | 'failed') => void
}

export interface AsyncLog {
  warn: (fields: object, message: string) => void
  error: (fields: object, message: string) => void
}

export interface FunctionSettings {
  readonly asyncConcurrency?: number
  readonly retry?: RetrySettings
}

export interface DispatcherLimits {
  /** Calls that are carried out at a time, of all functions and of one that says nothing else. */
  readonly concurrency: number
  readonly perFunction: number
  /** Bytes that are kept of all calls that have not ended, and half of them of one function: see `QueueLimits`. */
  readonly maxBytes: number
  /** How often a callback is tried. */
  readonly callbackAttempts: number
}

export interface DispatcherDeps {
  readonly store: InvocationStore
  readonly lanes: Lanes
  /** Tells this process from those before it. */
  readonly owner: string
  readonly call: (
    call: ClaimedInvocation,
    signal: AbortSignal
  ) => Promise<Attempted & { readonly answer: InvocationPayload }>
  readonly deliver: (call: ClaimedInvocation, signal: AbortSignal) => Promise<Delivered>
  /** What the function asks for; undefined while nobody knows of it, and so its calls wait. */
  readonly settingsOf: (key: string) => FunctionSettings | undefined
  /** Whether there is such a function, or one that is being deleted. */
  readonly isWritten: (key: string) => Promise<boolean>
  readonly limits: DispatcherLimits
  readonly clock: Clock
  /** In [0, 1). */
  readonly random: () => number
  readonly metrics: AsyncMetrics
  /** A call became a dead letter of a function that is there. */
  readonly onDead: (key: string, reason: DeadReason) => void
  /** A call has ended, and so many bytes are kept of it. */
  readonly onEnded: (bytes: number) => void
  readonly log: AsyncLog
}
