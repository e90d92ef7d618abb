import { DEFAULT_FAILURES, DEFAULT_LIVENESS_DELAY_MS, DEFAULT_PERIOD_MS, type HttpProbe } from '../../api/probe.ts'
import type { Clock } from '../../src/clock.ts'
import { type AskDeps, askOnce } from './probe-request.ts'

/** One probe may take this long, where no annotation says otherwise. */
const TIMEOUT_MS = 1_000
/** So does the last one before the verdict: a replica that is only busy answers some time, one that hangs never does. */
const LAST_TIMEOUT_MS = 10_000

/** Whether a replica lives, as far as it was asked. */
export interface LivenessResult {
  /** It failed as often in a row as it may: it is to be replaced. */
  readonly isFailed: boolean
  /** Failures in a row. */
  readonly failures: number
  /** When it was last seen alive, milliseconds since the epoch; absent when never. */
  readonly aliveAt?: number
  /** When it failed, milliseconds since the epoch; absent when it has not. */
  readonly failedAt?: number
  /** Why the last probe failed; absent when it did not. */
  readonly lastError?: string
}

interface LivenessTarget {
  readonly key: string
  readonly containerId: string
  readonly startedAt?: number
  readonly host: string
  readonly port: number
}

interface Life {
  readonly target: LivenessTarget
  readonly probe: HttpProbe
  readonly abort: AbortController
  failures: number
  aliveAt?: number
  failedAt?: number
  lastError?: string | undefined
  cancel: () => void
}

interface Deps extends AskDeps {
  readonly clock: Clock
  /** A replica of this key failed as often as it may, or lives after that. */
  readonly onChange: (key: string) => void
}

/** Asks replicas in the background whether they live, each at its own period. */
export class LivenessProber {
  readonly #deps: Deps
  readonly #lives = new Map<string, Life>()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /**
   * Goes on asking this container, or begins: at the initial delay after its start, or, where none is named, two seconds after it
   * but not before it was ready once (`hasAnswered`), so that a slow start is not cut off.
   */
  watch(target: LivenessTarget, probe: HttpProbe | undefined, hasAnswered: boolean): LivenessResult | undefined {
    const known = this.#lives.get(target.containerId)
    if (known !== undefined && isSame(known, target, probe)) return resultOf(known)
    this.forget(target.containerId)
    if (probe === undefined) return undefined
    if (probe.timing?.initialDelayMs === undefined && !hasAnswered) return { isFailed: false, failures: 0 }
    const life: Life = { target, probe, abort: new AbortController(), failures: 0, cancel: () => undefined }
    this.#lives.set(target.containerId, life)
    this.#askIn(life, this.#firstDelay(life))
    return resultOf(life)
  }

  /** What is known of a container; undefined when it is not asked. */
  peek(containerId: string): LivenessResult | undefined {
    const life = this.#lives.get(containerId)
    return life === undefined ? undefined : resultOf(life)
  }

  containerIds(): string[] {
    return [...this.#lives.keys()]
  }

  /** It could not be reached, for no fault of its own: its failures do not count. */
  pardon(containerId: string): void {
    const life = this.#lives.get(containerId)
    if (life !== undefined) clear(life)
  }

  /** Ends all work on a container and drops what is known of it. */
  forget(containerId: string): void {
    const life = this.#lives.get(containerId)
    if (life === undefined) return
    this.#lives.delete(containerId)
    life.cancel()
    life.abort.abort()
  }

  /** A container that was asked before waits for a period, so that one that was paused is not taken by surprise. */
  #firstDelay({ target, probe }: Life): number {
    const { initialDelayMs = DEFAULT_LIVENESS_DELAY_MS, periodMs = DEFAULT_PERIOD_MS } = probe.timing ?? {}
    const now = this.#deps.clock.now()
    const left = (target.startedAt ?? now) + initialDelayMs - now
    return left > 0 ? Math.min(left, initialDelayMs) : periodMs
  }

  #askIn(life: Life, ms: number): void {
    life.cancel = this.#deps.schedule(() => void this.#ask(life), ms)
  }

  async #ask(life: Life): Promise<void> {
    const { target, probe, abort } = life
    const { failureThreshold = DEFAULT_FAILURES, periodMs = DEFAULT_PERIOD_MS, timeoutMs } = probe.timing ?? {}
    const isLast = life.failures + 1 >= failureThreshold
    const outcome = await askOnce(
      this.#deps,
      { ...target, path: probe.path, isStrict: probe.isStrict },
      { timeoutMs: timeoutMs ?? (isLast ? LAST_TIMEOUT_MS : TIMEOUT_MS), signal: abort.signal }
    )
    if (abort.signal.aborted) return
    const before = life.failedAt !== undefined
    const now = this.#deps.clock.now()
    if (outcome.kind === 'success') {
      clear(life)
      life.aliveAt = now
    } else if (outcome.kind !== 'unknown') {
      life.failures++
      life.lastError = outcome.error
      if (life.failures >= failureThreshold) life.failedAt ??= now
    }
    this.#askIn(life, periodMs)
    if ((life.failedAt !== undefined) !== before) this.#deps.onChange(target.key)
  }
}

function clear(life: Life): void {
  life.failures = 0
  life.lastError = undefined
  delete life.failedAt
}

function resultOf({ failures, aliveAt, failedAt, lastError }: Life): LivenessResult {
  return {
    isFailed: failedAt !== undefined,
    failures,
    ...(aliveAt === undefined ? {} : { aliveAt }),
    ...(failedAt === undefined ? {} : { failedAt }),
    ...(lastError === undefined ? {} : { lastError })
  }
}

/** Another annotation takes effect at once, on the same container. */
function isSame({ target: a, probe }: Life, b: LivenessTarget, wanted: HttpProbe | undefined): boolean {
  const isStart = a.startedAt === b.startedAt && a.host === b.host && a.port === b.port
  return isStart && JSON.stringify(probe) === JSON.stringify(wanted)
}
