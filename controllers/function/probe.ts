import type { Clock } from '../../src/clock.ts'
import { http } from '../../src/node-http.ts'

/** One probe may take this long, so that a pass is not held up. */
const TIMEOUT_MS = 1_000
/**
 * The first probes of a start may take less: their packets can be lost while the network of a container comes up, and
 * the kernel sends a lost one again only after a second.
 */
const FIRST_TIMEOUT_MS = 100
/** A success speaks for a replica this long. */
const FRESH_MS = 5_000
/**
 * Time to the first repetition of a replica that is not ready; it grows with each up to the last, so that readiness is noticed within a
 * tenth of the time that it took, and a replica that takes 10 s was asked 50 times.
 */
const FIRST_DELAY_MS = 10
const LAST_DELAY_MS = 1_000
const DELAY_GROWTH = 1.1
/** So many slow or bad answers in a row take a ready replica out: one alone says that it is busy. */
const FAILURES_TO_UNREADY = 3
/** So many ready replicas are asked at the same time whether they still answer. */
const CONFIRM_WIDTH = 8
/** A container that nobody asked about this long is forgotten, unless functions at rest are looked at less often. */
const MEMORY_MS = 10 * 60_000
/** An answer's body is read this far, and the connection then cut. */
const BODY_MAX_BYTES = 64 * 1024
/** Nobody listens there: this is no busy replica, but none. */
const ABSENT_CODES: ReadonlySet<string | undefined> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL'
])

export interface ProbeTarget {
  /** `namespace/name`. */
  readonly key: string
  readonly containerId: string
  /** Milliseconds since the epoch; another one says that the container was restarted. */
  readonly startedAt?: number
  readonly host: string
  readonly port: number
  readonly path: string
}

export interface ProbeResult {
  readonly ready: boolean
  /** Milliseconds since the epoch at which `ready` became what it is. */
  readonly since: number
  /** Whether it was ready at any time since its start. */
  readonly answered: boolean
  /** Why the last probe failed; absent when it did not. */
  readonly lastError?: string
}

/** Sends `GET path` and gives the status. Rejects when there is none, and when `signal` aborts. */
export type ProbeRequest = (target: Pick<ProbeTarget, 'host' | 'port' | 'path'>, signal: AbortSignal) => Promise<number>

/** Calls `run` once, in `ms` milliseconds, unless the function that it gives is called before. */
export type Schedule = (run: () => void, ms: number) => () => void

interface Deps {
  readonly clock: Clock
  /** A replica of this key became ready or unready, outside of a `check`. */
  readonly onChange: (key: string) => void
  readonly request?: ProbeRequest
  readonly schedule?: Schedule
  /** A container may go unasked for so long; milliseconds. */
  readonly longestRestMs?: number
}

type Outcome = { readonly kind: 'success' } | { readonly kind: 'failed' | 'absent'; readonly error: string }

/** What is known of one container since its last start. */
interface Watch {
  readonly target: ProbeTarget
  readonly abort: AbortController
  ready: boolean
  since: number
  answered: boolean
  lastError: string | undefined
  /** On the monotonic clock; the last one. */
  succeededAt: number
  /** In a row. */
  failures: number
  /** Before the next background probe. */
  delayMs: number
  /** On the monotonic clock. */
  askedAt: number
  /** The probe under way. */
  probe?: Promise<void> | undefined
  /** Its container was paused when it was last looked at. */
  resting: boolean
  /** Set while a background probe is scheduled or under way. */
  cancel?: (() => void) | undefined
}

/** Says which replicas answer, by `GET path` below 500, and goes on asking those that do not. */
export class Prober {
  readonly #clock: Clock
  readonly #onChange: (key: string) => void
  readonly #request: ProbeRequest
  readonly #schedule: Schedule
  /** By container id; longest not asked about first. */
  readonly #watches = new Map<string, Watch>()
  /** By key: the ids of its containers among them. */
  readonly #idsOf = new Map<string, Set<string>>()
  readonly #memoryMs: number
  #stopped = false

  constructor(deps: Deps) {
    const { clock, onChange, request = requestStatus, schedule = scheduleTimeout, longestRestMs = 0 } = deps
    this.#memoryMs = Math.max(MEMORY_MS, 2 * longestRestMs)
    this.#clock = clock
    this.#onChange = onChange
    this.#request = request
    this.#schedule = schedule
  }

  /**
   * Whether the replica is ready, at once or after one probe of at most a second: the first one since the container
   * started, or one that confirms an old success. What follows is probed in the background and told by `onChange`.
   */
  async check(target: ProbeTarget): Promise<ProbeResult> {
    this.#forgetOld()
    const watch = this.#watchOf(target)
    if (watch.resting) this.#resume(watch)
    if (this.#isDue(watch)) await this.#probe(watch)
    return resultOf(watch)
  }

  /** What `check` would say, for those who only look: what is known stays as it is, and nothing is begun. */
  async peek(target: ProbeTarget): Promise<ProbeResult> {
    const known = this.#watches.get(target.containerId)
    if (known !== undefined && isSameStart(known.target, target)) return resultOf(known)
    const once = this.#newWatch(target)
    this.#note(once, await this.#ask(once))
    return resultOf(once)
  }

  /** Asks the ready replicas of these functions again, in the background: one that does not answer is told by `onChange`. */
  confirm(keys: ReadonlySet<string>): void {
    const ids = [...keys].flatMap(key => [...(this.#idsOf.get(key) ?? [])])
    const ready = ids.flatMap(id => this.#watches.get(id) ?? []).filter(watch => watch.ready && !watch.resting)
    const lanes = Array.from({ length: CONFIRM_WIDTH }, (_, lane) => ready.filter((_, n) => n % CONFIRM_WIDTH === lane))
    for (const lane of lanes) void this.#confirmAll(lane)
  }

  async #confirmAll(watches: readonly Watch[]): Promise<void> {
    for (const { target, abort } of watches) {
      if (abort.signal.aborted) continue
      const watch = this.#watchOf(target)
      if (this.#isDue(watch)) await this.#poll(watch)
    }
  }

  /** All containers of which something is known. */
  containerIds(): string[] {
    return [...this.#watches.keys()]
  }

  /** Ends all work on a container and drops what is known of it; the next `check` starts anew. */
  forget(containerId: string): void {
    const watch = this.#watches.get(containerId)
    if (watch === undefined) return
    this.#watches.delete(containerId)
    const ids = this.#idsOf.get(watch.target.key)
    ids?.delete(containerId)
    if (ids?.size === 0) this.#idsOf.delete(watch.target.key)
    watch.cancel?.()
    watch.abort.abort()
  }

  /** The container is paused: it is asked nothing until the next `check`, which takes it for what it was before. */
  rest(containerId: string): void {
    const watch = this.#watches.get(containerId)
    if (watch === undefined || this.#stopped) return
    watch.cancel?.()
    watch.cancel = undefined
    watch.resting = true
    this.#watchOf(watch.target)
  }

  /** A call found nobody there: the next `check` probes, however young the last success is. */
  doubt(containerId: string): void {
    const watch = this.#watches.get(containerId)
    if (watch !== undefined) watch.succeededAt = Number.NEGATIVE_INFINITY
  }

  /** Forgets the containers of a key that are not among these. */
  prune(key: string, keep: ReadonlySet<string>): void {
    for (const containerId of this.#idsOf.get(key) ?? []) if (!keep.has(containerId)) this.forget(containerId)
  }

  /** Ends all probes and timers; a later `check` says not ready. */
  stop(): void {
    this.#stopped = true
    for (const containerId of this.#watches.keys()) this.forget(containerId)
  }

  /** The watch of this start of the container, as the one that was asked about last. */
  #watchOf(target: ProbeTarget): Watch {
    const known = this.#watches.get(target.containerId)
    const watch = known !== undefined && isSameStart(known.target, target) ? known : this.#begin(target)
    watch.askedAt = this.#clock.monotonic()
    this.#watches.delete(target.containerId)
    if (this.#stopped) return watch
    this.#watches.set(target.containerId, watch)
    const ids = this.#idsOf.get(target.key)
    if (ids === undefined) this.#idsOf.set(target.key, new Set([target.containerId]))
    else ids.add(target.containerId)
    return watch
  }

  #begin(target: ProbeTarget): Watch {
    this.forget(target.containerId)
    return this.#newWatch(target)
  }

  #newWatch(target: ProbeTarget): Watch {
    return {
      target,
      abort: new AbortController(),
      ready: false,
      resting: false,
      answered: false,
      since: this.#clock.now(),
      lastError: undefined,
      succeededAt: Number.NEGATIVE_INFINITY,
      failures: 0,
      delayMs: FIRST_DELAY_MS,
      askedAt: 0
    }
  }

  /** It runs again: one that answered before it was paused does now, and one that did not is asked. */
  #resume(watch: Watch): void {
    watch.resting = false
    watch.failures = 0
    watch.delayMs = FIRST_DELAY_MS
    if (watch.ready) watch.succeededAt = this.#clock.monotonic()
  }

  /** Whether nothing else is going to ask, and the last success is old. */
  #isDue(watch: Watch): boolean {
    const isFresh = this.#clock.monotonic() - watch.succeededAt < FRESH_MS
    return !this.#stopped && watch.cancel === undefined && !isFresh
  }

  /** One probe, also for all who ask meanwhile. */
  #probe(watch: Watch): Promise<void> {
    watch.probe ??= this.#probeOnce(watch).finally(() => {
      watch.probe = undefined
    })
    return watch.probe
  }

  /** One probe, what follows from it, and the time of the next one if it failed. */
  async #probeOnce(watch: Watch): Promise<void> {
    const outcome = await this.#ask(watch)
    // Forgotten, paused, or started again: this answer is of another life.
    if (watch.abort.signal.aborted || watch.resting) return
    this.#note(watch, outcome)
    if (outcome.kind !== 'success') this.#again(watch)
  }

  #note(watch: Watch, outcome: Outcome): void {
    const before = watch.ready
    if (outcome.kind === 'success') {
      watch.ready = true
      watch.answered = true
      watch.succeededAt = this.#clock.monotonic()
      watch.failures = 0
      watch.delayMs = FIRST_DELAY_MS
      watch.lastError = undefined
    } else {
      watch.failures++
      watch.lastError = outcome.error
      if (outcome.kind === 'absent' || watch.failures >= FAILURES_TO_UNREADY) watch.ready = false
    }
    if (watch.ready !== before) watch.since = this.#clock.now()
  }

  /** Schedules the next background probe. One that is ready is only confirmed, and so asked slowly. */
  #again(watch: Watch): void {
    const delayMs = watch.ready ? LAST_DELAY_MS : watch.delayMs
    if (!watch.ready) watch.delayMs = Math.min(LAST_DELAY_MS, Math.ceil(watch.delayMs * DELAY_GROWTH))
    watch.cancel = this.#schedule(() => void this.#poll(watch), delayMs)
  }

  async #poll(watch: Watch): Promise<void> {
    if (this.#clock.monotonic() - watch.askedAt > this.#memoryMs) {
      this.forget(watch.target.containerId)
      return
    }
    const before = watch.ready
    const scheduled = watch.cancel
    await this.#probe(watch)
    if (watch.abort.signal.aborted) return
    if (watch.cancel === scheduled) watch.cancel = undefined
    if (watch.ready !== before) this.#onChange(watch.target.key)
  }

  async #ask({ target, abort, answered, delayMs }: Watch): Promise<Outcome> {
    const timeout = new AbortController()
    const timeoutMs = answered ? TIMEOUT_MS : Math.min(TIMEOUT_MS, (FIRST_TIMEOUT_MS * delayMs) / FIRST_DELAY_MS)
    const cancel = this.#schedule(() => timeout.abort(), timeoutMs)
    try {
      const status = await this.#request(target, AbortSignal.any([abort.signal, timeout.signal]))
      return status < 500 ? { kind: 'success' } : { kind: 'failed', error: `answered ${status}` }
    } catch (err) {
      if (timeout.signal.aborted) return { kind: 'failed', error: `no answer within ${timeoutMs} ms` }
      const { code, message } = err as { code?: string; message?: string }
      return { kind: ABSENT_CODES.has(code) ? 'absent' : 'failed', error: message ?? String(err) }
    } finally {
      cancel()
    }
  }

  #forgetOld(): void {
    const oldest = this.#clock.monotonic() - this.#memoryMs
    for (const [containerId, { askedAt }] of this.#watches) {
      if (askedAt >= oldest) return
      this.forget(containerId)
    }
  }
}

function resultOf({ ready, since, answered, lastError }: Watch): ProbeResult {
  return { ready, since, answered, ...(lastError === undefined ? {} : { lastError }) }
}

function isSameStart(a: ProbeTarget, b: ProbeTarget): boolean {
  return a.startedAt === b.startedAt && a.host === b.host && a.port === b.port && a.path === b.path
}

const scheduleTimeout: Schedule = (run, ms) => {
  const timer = setTimeout(run, ms)
  return () => clearTimeout(timer)
}

/**
 * A request on a connection of its own, so that no probe leaves anything behind. The head is the answer: a body is
 * read to its end, for servers that complain of a cut one, but neither its size nor its pace matters.
 */
function requestStatus(target: Pick<ProbeTarget, 'host' | 'port' | 'path'>, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const { host, port, path } = target
    const headers = { 'user-agent': 'docker-faas-probe', connection: 'close' }
    const request = http.get({ host, port, path, headers, agent: false, signal })
    let status: number | undefined
    const settle = (err?: Error) => (status === undefined ? reject(err) : resolve(status))
    request.on('error', settle)
    request.on('response', response => {
      status = response.statusCode ?? 0
      let bytes = 0
      response.on('error', settle).on('close', settle)
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > BODY_MAX_BYTES) request.destroy()
      })
    })
  })
}
