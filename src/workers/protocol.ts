import type { Scope } from '../../api/scope.ts'
import type { Config } from '../config/config.ts'
import type { ReplicaEnd, Route } from '../gateway/endpoints.ts'
import type { RefusalReason } from '../http/auth/authenticator.ts'
import type { Identity } from '../http/caller.ts'
import type { Certificate } from '../http/certificate.ts'

/**
 * What the controller's process and its workers tell each other: JSON over the channel that Node has between a process and its
 * child. It keeps the order, and nobody else can write to it.
 */

/** What of the endpoint table has changed up to a version, or all of it. */
export interface TableChange {
  readonly type: 'table'
  /** Grows with every change of the table. */
  readonly version: number
  /** Functions that are not in `routes` are not in the table. */
  readonly isWhole: boolean
  readonly isComplete: boolean
  readonly routes: readonly Route[]
  readonly removed: readonly string[]
  /** Replicas that have ended since, though the routes may say nothing of them: see `EndpointTable.end`. */
  readonly ends: readonly (readonly [containerId: string, why: ReplicaEnd])[]
}

/** What a worker begins with. The port comes as a file descriptor of its own. */
export interface Start {
  readonly type: 'start'
  /** From 1. */
  readonly worker: number
  readonly config: Config
  readonly certificate?: Certificate
  readonly closedSubnets: readonly string[]
  /** Path of the socket that takes what is no call of a function. */
  readonly apiSocket: string
  readonly hasPassword: boolean
  readonly table: TableChange
}

/** An identity, as JSON has it. */
export interface WireIdentity extends Omit<Identity, 'scopes' | 'namespaces'> {
  readonly scopes: readonly Scope[]
  readonly namespaces: 'all' | readonly string[]
}

/** Whose credentials they are, or why they are not taken. */
export interface WireVerdict {
  readonly identity?: WireIdentity
  /** How long the identity may be remembered; until the controller says otherwise when left out. */
  readonly goodForMs?: number
  readonly refused?: RefusalReason
  readonly retryAfterMs?: number
}

export type ToWorker =
  | Start
  | TableChange
  /** Whether the loop has these keys queued or running. */
  | { readonly type: 'pending'; readonly answers: readonly (readonly [key: string, isPending: boolean])[] }
  | { readonly type: 'verdict'; readonly id: number; readonly verdict: WireVerdict }
  /** These tokens are no longer good. */
  | { readonly type: 'ended'; readonly tokens: readonly string[] }
  | { readonly type: 'closed-networks'; readonly subnets: readonly string[] }
  | { readonly type: 'certificate'; readonly certificate: Certificate }
  /** Let calls end, then end. */
  | { readonly type: 'stop' }

/** Durations of calls that lie between two bounds: how many, and their sum in seconds. */
export type BucketSum = readonly [bucket: number, count: number, seconds: number]

/** What a worker has counted of one function since it last told. */
export interface CallSums {
  readonly key: string
  /** Method of the proxy's metrics, and behind a space the word that it takes beside the key, if any → how often. */
  readonly counts: Readonly<Record<string, number>>
  readonly finished: readonly { readonly code: number; readonly buckets: readonly BucketSum[] }[]
}

export interface Report {
  readonly type: 'report'
  /** The version of the table by which calls are sent; every number of `inflight` is of then or later. */
  readonly version: number
  /** Containers whose number of calls is another one than told before. */
  readonly inflight: readonly (readonly [containerId: string, count: number])[]
  readonly calls: readonly CallSums[]
  /** Calls that wait for an endpoint now. */
  readonly waiting: number
  readonly connectionsCut: number
  /** Tokens that were used. */
  readonly tokens: readonly string[]
}

export type FromWorker =
  /** Its code is loaded: it wants to be told what to begin with. */
  | { readonly type: 'loaded' }
  /** It takes connections. */
  | { readonly type: 'listening' }
  | Report
  /** Whether the loop has these keys queued or running. */
  | { readonly type: 'ask'; readonly keys: readonly string[] }
  /** Calls wait for a function that sleeps. */
  | { readonly type: 'wake'; readonly key: string }
  | { readonly type: 'unreachable'; readonly key: string; readonly containerId: string }
  | { readonly type: 'verify'; readonly id: number; readonly header: string; readonly address: string }
  /** It did not get to run for a while. */
  | { readonly type: 'stalled' }
  | { readonly type: 'usage'; readonly residentBytes: number; readonly cpuSeconds: number }
