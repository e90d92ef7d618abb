import type { AlertOutcome, AlertStatus } from '../../api/alert.ts'
import type { FunctionObject } from '../../api/function.ts'
import type { InvocationView } from '../../api/invocation.ts'
import type { IsolationRules } from '../../api/isolation.ts'
import type { LogsRequest } from '../../api/log-line.ts'
import type { FunctionContainer, ReplicaLimits } from '../../api/openfaas.ts'
import type { ScheduleView } from '../../api/schedule-view.ts'
import type { Namespaces } from '../../api/scope.ts'
import type { FunctionUsage } from '../../api/usage.ts'
import type { Clock } from '../clock.ts'
import type { Places } from '../places.ts'
import type { AuditStore } from '../store/audit-store.ts'
import type { DeadFilter, InvocationFilter, InvocationPage } from '../store/invocation-store.ts'
import type { NamespaceStore } from '../store/namespace-store.ts'
import type { ProfileStore } from '../store/profile-store.ts'
import type { SecretStore } from '../store/secret-store.ts'
import type { EventStore, FunctionStore } from '../store/store.ts'
import type { Authenticator } from './auth/authenticator.ts'
import type { TokenDesk } from './auth/token-desk.ts'
import type { Origins } from './client-address.ts'

/** What the API shows of the reconcile loop. The controllers implement it; reading it may read Docker, never change it. */
export interface LoopView {
  /** The steps, as text, that a pass would run for this object; also for one that is not written down. */
  preview: (object: FunctionObject) => Promise<string[]>
  /** The same for every function, and what the garbage collector would say of every owned object. */
  previewAll: () => Promise<LoopPlan>
  /** The containers that the engine has of this object now. */
  containers: (object: FunctionObject) => Promise<readonly FunctionContainer[]>
  state: () => LoopState
  /** Enqueues every key; gives back at once. */
  resync: () => void
}

export interface LoopPlan {
  readonly functions: readonly { readonly key: string; readonly steps: readonly string[] }[]
  readonly garbage: readonly {
    readonly kind: string
    readonly name: string
    readonly owner: string
    readonly verdict: string
  }[]
}

export interface LoopState {
  readonly queueDepth: number
  /** Passes under way. */
  readonly running: number
  /** Functions whose status does not speak of their generation yet, and for how long. */
  readonly lag: readonly { readonly key: string; readonly seconds: number }[]
  readonly maxLagSeconds: number
  /** RFC 3339; absent before the first. */
  readonly lastFullResyncAt?: string
  readonly engine: { readonly reachable: boolean; readonly version?: string; readonly error?: string }
  readonly watch: { readonly connected: boolean }
  /** Whether functions are kept from the host; why, where they are not. */
  readonly firewall: { readonly state: 'on' | 'off' | 'unavailable'; readonly reason?: string }
  /** Whether the first full resync is over. */
  readonly ready: boolean
}

/** A line that a replica of a function wrote. */
export interface FunctionLogLine {
  /** Name of the container. */
  readonly instance: string
  /** RFC 3339 in UTC with nine digits after the point. */
  readonly timestamp: string
  readonly text: string
}

/** The logs of functions. Reading them reads Docker, and changes nothing. */
export interface LogReader {
  /** The lines, until `signal` aborts; undefined when too many read already. Throws when the engine does not answer. */
  open: (
    object: FunctionObject,
    request: LogsRequest,
    signal: AbortSignal
  ) => Promise<AsyncIterable<FunctionLogLine> | undefined>
}

/** What is asked of a person when the database is older than what runs. Listing reads Docker, and changes nothing. */
export interface AdoptionDesk {
  list: () => Promise<AdoptionList>
  /** Throws `NothingToDecideError` and `NotFoundError`. */
  confirm: (choice: AdoptionChoice) => Promise<AdoptionOutcome>
}

export interface AdoptionChoice {
  readonly action: 'adopt' | 'delete'
  /** Keys; all when left out. */
  readonly functions?: readonly string[]
}

export interface AdoptionOutcome {
  /** Whether something is left to decide. */
  readonly active: boolean
  readonly adopted: readonly string[]
  readonly deleted: readonly string[]
}

export interface AdoptionList {
  /** Whether the database was found older than what runs, and nobody has decided yet. */
  readonly active: boolean
  /** RFC 3339. */
  readonly since?: string
  readonly adopt: readonly AdoptionItem[]
  /** Written anew since. */
  readonly conflicts: readonly AdoptionItem[]
  readonly delete: readonly {
    readonly kind: string
    readonly name: string
    readonly owner: string
    readonly verdict: string
    readonly reason: string
  }[]
  /** Objects with our labels that the instance key has not signed. */
  readonly forged: number
}

export interface AdoptionItem {
  readonly function: string
  readonly uid: string
  /** What it would have. */
  readonly generation: number
  readonly replicas: number
  readonly image: string
  /** Generation of what runs. */
  readonly runs: number
  /** Generation in the database, if it is there. */
  readonly database?: number
  readonly containers: readonly string[]
  readonly reason?: string
}

/** The keys that secrets are encrypted with, by ids that tell nothing of them. */
export interface SecretKeyState {
  /** Absent when there is none. */
  readonly current?: string
  readonly keys: readonly { readonly id: string; readonly inUse: boolean }[]
  /** Ids of keys that secrets are under and that are not there. */
  readonly missing: readonly string[]
  /** Why there is no key, and what helps. */
  readonly problem?: string
}

export interface SecretKeyRotation {
  readonly keyId: string
  readonly resealed: number
  /** Keys of the secrets that could not be read, and so stay as they are. */
  readonly unreadable: readonly string[]
  readonly unusedKeyIds: readonly string[]
  readonly removedKeyIds: readonly string[]
}

export interface SecretKeyDesk {
  state: () => Promise<SecretKeyState>
  /** Throws `SecretKeyError`. */
  rotate: (options: { readonly removeOld: boolean }) => Promise<SecretKeyRotation>
}

/** What is asked of asynchronous calls. Those that change many give how many. */
export interface InvocationDeskView {
  get: (id: string) => Promise<InvocationView | undefined>
  /** Newest first. */
  list: (
    filter: InvocationFilter,
    page: { readonly limit: number; readonly before?: number }
  ) => Promise<InvocationPage>
  /** Those of the call id that have not been carried out. */
  cancel: (callId: string, namespaces: Namespaces) => Promise<number>
  /** Dead letters are carried out again, or their callbacks delivered. */
  requeue: (filter: DeadFilter, isWanted?: () => boolean) => Promise<number>
  /** Removes dead letters. */
  purge: (filter: DeadFilter, isWanted?: () => boolean) => Promise<number>
}

export interface RequestObservation {
  readonly method: string
  /** Route template such as `/v1/functions/:name`, or `unmatched`; never a raw path. */
  readonly path: string
  readonly code: number
  readonly seconds: number
}

export interface HttpMetrics {
  observeRequest: (request: RequestObservation) => void
  /** A row of the audit log could not be written. */
  auditLost: () => void
  /** A request was refused for `API_RATE_LIMIT`. */
  rateLimited: () => void
  /** The text that Prometheus reads, and its content type. */
  expose: () => Promise<{ readonly contentType: string; readonly text: string }>
}

export interface HttpLog {
  warn: (fields: object, message: string) => void
  error: (fields: object, message: string) => void
}

/** Says when functions are, and were, called by the clock. */
export interface ScheduleDesk {
  /** Of these functions. */
  readonly list: (objects: readonly FunctionObject[]) => Promise<ScheduleView[]>
}

/** What functions use now. Reads Docker, and changes nothing. */
export interface UsageDesk {
  /** By key; without those that cannot be read, or not soon. Never rejects. */
  readonly of: (keys: readonly string[]) => Promise<ReadonlyMap<string, FunctionUsage>>
}

/** Scales functions as alerts say. */
export interface AlertDeskView {
  readonly act: (key: string, status: AlertStatus) => Promise<AlertOutcome>
}

export interface ApiDeps {
  readonly functions: FunctionStore
  readonly events: EventStore
  readonly secrets: SecretStore
  readonly namespaces: NamespaceStore
  readonly secretKeys: SecretKeyDesk
  readonly profiles: ProfileStore
  readonly audit: AuditStore
  readonly invocations: InvocationDeskView
  /** Called after the commit of every write, with the key that was written. */
  readonly enqueue: (key: string) => void
  readonly loop: LoopView
  readonly logs: LogReader
  /** Those who watch functions and events. */
  readonly watchers: Pick<Places, 'take'>
  readonly adoption: AdoptionDesk
  readonly schedules: ScheduleDesk
  readonly authenticator: Omit<Authenticator, 'isOwn'>
  readonly tokens: TokenDesk
  /** Where a request comes from: see `createOrigins`. */
  readonly addressOf: Origins['addressOf']
  /** `CORS_ALLOWED_ORIGINS`: pages that may use the API. */
  readonly allowedOrigins: readonly string[]
  readonly limits: ReplicaLimits
  /** `MEMORY_DEFAULT`, in bytes; absent: it is not set. */
  readonly memoryDefaultBytes?: number | undefined
  /** What functions may ask for. */
  readonly rules: IsolationRules
  /** `FUNCTIONS_PER_NAMESPACE_MAX`; 0: any number. */
  readonly functionsPerNamespace: number
  /** `API_RATE_LIMIT` requests of one identity, 0 for any number, in `API_RATE_WINDOW`. */
  readonly rate: { readonly limit: number; readonly windowMs: number }
  readonly info: { readonly version: string; readonly commit: string }
  /** What `GET /system/config` gives: nothing in it is secret. */
  readonly config: Readonly<Record<string, unknown>>
  readonly log: HttpLog
  readonly metrics: HttpMetrics
  readonly clock: Clock
  /** Ids of requests. */
  readonly newId: () => string
  /** Calls of a function that have finished since it was made. */
  readonly invocationCount: (key: string) => number
  /** Calls of a function that are running. */
  readonly inflight: (key: string) => number
  readonly usage: UsageDesk
  readonly alerts: AlertDeskView
  /** How long a client may take to send a body. */
  readonly readTimeoutMs: number
  /** Aborts when the gateway stops: watches end. */
  readonly shutdown: AbortSignal
}
