import type { ScaleType } from '../../api/scaling.ts'
import type { Load } from './decide.ts'
import { LoadWindow, type Span } from './window.ts'

/** What is counted of the calls of one function. The counts only grow; another object is another function of that name. */
export interface LoadMeter {
  /** Calls that were taken. */
  readonly calls: number
  /** Calls that have finished. */
  readonly invocations: number
  /** Of these, the ones that were answered 200. */
  readonly succeeded: number
  /** Calls that run, or wait for a replica. */
  readonly inflight: number
}

/** The meters of all functions that were ever called. */
export interface LoadMeters {
  readonly entries: () => Iterable<readonly [string, LoadMeter]>
  readonly find: (key: string) => LoadMeter | undefined
}

export interface SamplerDeps {
  readonly meters: LoadMeters
  /** Thousandths of a core that the replicas of a function use together; undefined when it is not known. */
  readonly cpuOf: (key: string) => number | undefined
  /** Asynchronous calls of a function that wait, or are being carried out. */
  readonly queuedOf: (key: string) => number
  /** Lengths of the two windows. */
  readonly stableMs: number
  readonly burstMs: number
  /** Monotonic milliseconds. */
  readonly now: () => number
}

/** Of the default rule. Source: OpenFaaS CE's alert `APIHighInvocationRate`, `rate(…{code="200"}[10s]) > 5`. */
const RULE_WINDOW_MS = 10_000
const RULE_PER_SECOND = 5

interface Track {
  readonly meter: LoadMeter
  calls: number
  invocations: number
  succeeded: number
  /** When a call last came, ran or ended. */
  busyAt: number
  /** Absent when nothing happened in it. */
  window?: LoadWindow | undefined
  overSince?: number | undefined
}

/** Looks at the meters in each tick and remembers the last while of those that move. An idle function costs a comparison. */
export class LoadSampler {
  readonly #deps: SamplerDeps
  readonly #startedAt: number
  readonly #tracks = new Map<string, Track>()
  #lastAt: number

  constructor(deps: SamplerDeps) {
    this.#deps = deps
    this.#startedAt = deps.now()
    this.#lastAt = this.#startedAt
  }

  /** Takes a sample; gives the keys of the functions whose windows hold anything. */
  tick(): string[] {
    const now = this.#deps.now()
    const ms = now - this.#lastAt
    if (ms <= 0) return []
    this.#lastAt = now
    const moving: string[] = []
    for (const [key, meter] of this.#deps.meters.entries()) {
      if (this.#sample(key, meter, { ms, now })) moving.push(key)
    }
    for (const key of this.#tracks.keys()) if (this.#deps.meters.find(key) === undefined) this.#tracks.delete(key)
    return moving
  }

  /** What is known of the function's calls, those that came since the last tick among them. */
  loadOf(key: string, type: ScaleType, wantedAt: number): Load {
    const now = this.#deps.now()
    const track = this.#tracks.get(key)
    const meter = this.#deps.meters.find(key)
    const age = now - this.#startedAt
    const over = track?.overSince
    const isBusy = meter !== undefined && (meter.inflight > 0 || hasMoved(track, meter))
    const { stableMs, burstMs } = this.#deps
    const mean = (ms: number) => meanOf(type, track?.window, { ms: Math.max(1, Math.min(ms, age)), now })
    const [stable, burst] = [mean(stableMs), mean(burstMs)]
    return {
      inflight: meter?.inflight ?? 0,
      ...(isBusy ? {} : { quietSince: Math.max(track?.busyAt ?? this.#startedAt, wantedAt) }),
      ...(track === undefined ? {} : { calledAt: track.busyAt }),
      ...(stable === undefined ? {} : { stable }),
      ...(burst === undefined ? {} : { burst }),
      ...(over === undefined ? {} : { overSince: over }),
      isFilled: age >= burstMs
    }
  }

  /** Whether there is anything in its windows. */
  #sample(key: string, meter: LoadMeter, { ms, now }: Span): boolean {
    const track = this.#trackOf(key, meter, now)
    if (track === undefined) return false
    const started = meter.calls - track.calls
    const succeeded = meter.succeeded - track.succeeded
    const isBusy = meter.inflight > 0 || hasMoved(track, meter)
    if (!isBusy && track.window === undefined) return false
    Object.assign(track, { calls: meter.calls, invocations: meter.invocations, succeeded: meter.succeeded })
    if (isBusy) track.busyAt = now
    track.window ??= new LoadWindow(Math.max(this.#deps.stableMs, RULE_WINDOW_MS))
    const cpu = this.#deps.cpuOf(key)
    track.window.add({
      at: now,
      ms,
      started,
      succeeded,
      inflight: meter.inflight,
      queued: this.#deps.queuedOf(key),
      ...(cpu === undefined ? {} : { cpu })
    })
    const isOver = track.window.perSecond('succeeded', { ms: RULE_WINDOW_MS, now }) > RULE_PER_SECOND
    track.overSince = isOver ? (track.overSince ?? now) : undefined
    if (!isBusy && track.window.isQuiet) track.window = undefined
    return true
  }

  #trackOf(key: string, meter: LoadMeter, now: number): Track | undefined {
    const known = this.#tracks.get(key)
    if (known?.meter === meter) return known
    if (meter.calls === 0) return undefined
    const track: Track = { meter, calls: 0, invocations: 0, succeeded: 0, busyAt: now }
    this.#tracks.set(key, track)
    return track
  }
}

function hasMoved(track: Track | undefined, meter: LoadMeter): boolean {
  if (track?.meter !== meter) return meter.calls > 0
  return meter.calls !== track.calls || meter.invocations !== track.invocations
}

/** Load of all replicas together; of a window that holds nothing, none. */
function meanOf(type: ScaleType, window: LoadWindow | undefined, span: Span): number | undefined {
  if (window === undefined) return 0
  switch (type) {
    case 'rps':
      return window.perSecond('started', span)
    case 'capacity':
      return window.mean('inflight', span)
    case 'queue':
      return window.mean('queued', span)
    case 'cpu':
      return window.cpu(span)
    default:
      return type satisfies never
  }
}
