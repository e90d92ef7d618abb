import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock } from '../clock.ts'
import type { EndpointTable } from './endpoints.ts'
import type { Inflight } from './inflight.ts'

/** Why a call is refused at once: a bound of its function, of the gateway, of those that wait, or of the way it came. */
export const SHED_REASONS = ['max_inflight', 'overload', 'waiting_room', 'loop'] as const
export type ShedReason = (typeof SHED_REASONS)[number]

/** Which time of a call was over; `body`: next to nothing of its body came; `wait`: no replica was ready. */
export const TIMEOUT_KINDS = ['connect', 'first_byte', 'idle', 'total', 'body', 'wait'] as const
export type TimeoutKind = (typeof TIMEOUT_KINDS)[number]

/** What the data plane counts. Only keys of functions that exist get here, so that series stay few. */
export interface ProxyMetrics {
  started: (key: string) => void
  /** `code` is the HTTP status; 499: the client left; 502 also for an answer, or a session, that broke off; 101: a session ended. */
  finished: (key: string, code: number, seconds: number) => void
  /** How many calls wait for an endpoint now, of all functions. */
  waiting: (count: number) => void
  /** A call has to wait for an endpoint; told once for each call. */
  held: (key: string) => void
  /** A call went out again. */
  retried: (key: string) => void
  shed: (key: string, reason: ShedReason) => void
  timedOut: (key: string, kind: TimeoutKind) => void
}

export interface ProxyLog {
  warn: (fields: object, message: string) => void
}

/** All in milliseconds. */
export interface ProxyTimeouts {
  /** A call without a byte in either direction for this long, or up to a tenth longer, ends: with 504 while no byte of the answer came. */
  readonly execMs: number
  readonly connectMs: number
  /** A client that is waited for may send fewer than 500 bytes a second of its body for this long. */
  readonly readMs: number
  /** A call waits this long for an endpoint, in all. */
  readonly waitMs: number
}

export interface ProxyDeps {
  readonly table: EndpointTable
  /** Whether the loop has this key queued or running: its endpoint may be about to appear. */
  readonly isPending: (key: string) => boolean
  readonly inflight: Inflight
  readonly log: ProxyLog
  readonly metrics: ProxyMetrics
  readonly timeouts: ProxyTimeouts
  /** Most bytes in the body of a call; 0: any number. */
  readonly maxBodyBytes: number
  /** How many calls may wait for one function. */
  readonly waitMax: number
  /** How many calls may wait in all; 8 times `waitMax` unless told. */
  readonly waitMaxTotal?: number
  /** Most bytes of all calls that wait for one function; 8 times as many in all. 16 MiB unless told. */
  readonly waitBytesMax?: number
  /**
   * A call waits for a function that sleeps: with no replica wanted, or with frozen ones only. Told once, and again when the
   * route was put anew and calls still wait.
   */
  readonly onWake: (key: string) => void
  /** How many calls, and so connections, one container gets at most; 1,000 unless told, or its function says so. */
  readonly maxPerEndpoint?: number
  /** When calls are refused because there are too many in all: so many under way, or the event loop late by so many milliseconds. */
  readonly overload?: { readonly callsMax: number; readonly delayMs: number }
  /** How often a call may pass through gateways of this kind; 0: any number. 16 unless told. */
  readonly hopsMax?: number
  /** No connection to the endpoint could be made, or it closed many without an answer: it is to leave the table until somebody has looked. */
  readonly onUnreachable: (key: string, containerId: string) => void
  /** Whether the client is a proxy that is believed of its own client; none is when left out. */
  readonly isTrusted?: (req: IncomingMessage) => boolean
  readonly clock: Clock
  /** In [0, 1). */
  readonly random: () => number
  /** Value of `X-Served-By`. */
  readonly servedBy?: string
}

/** Which function a request is for. The names are already checked by whoever parsed the path. */
export interface ProxyTarget {
  readonly namespace: string
  readonly name: string
  /** What the function sees: path and query, with a slash first. */
  readonly path: string
  /** The request came by `checkContinue`: the proxy answers `100 Continue` itself when it wants the body. */
  readonly owesContinue?: boolean
  /** Whoever makes the call has a way of its own to try again what `com.openfaas.retry.*` asks for. */
  readonly isRetriedByCaller?: boolean
  readonly upgrade?: Upgrade
  /** Of the token whose call it is; what goes on ends with it. */
  readonly tokenId?: string | undefined
  /** When the call was accepted, ms since the epoch, of an attempt of an asynchronous call. Absent: it came just now. */
  readonly acceptedAt?: number
}

/** A client that wants to speak another protocol. */
export interface Upgrade {
  /** Those that it asks for, as an `Upgrade` header has them. */
  readonly protocols: string
  /** Its connection, for who will write the head of an answer 101 to it, and has written nothing. */
  readonly take: () => Duplex
}
