/** What a pass asks for. */
export interface Result {
  /** Milliseconds until the key should come again; absent: nothing to do until something changes. */
  readonly requeueAfter?: number
}

/** Brings the world to what is written down for `key`. Idempotent, and told nothing of why it was called. */
export interface Reconciler {
  /** Label of logs and metrics. */
  readonly name: string
  reconcile: (key: string, signal: AbortSignal) => Promise<Result>
}
