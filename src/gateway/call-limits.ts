import type { CallSettings, RetrySettings } from '../../api/call-settings.ts'
import { type CallPeriods, type Pace, paceOf } from './pace.ts'
import type { ProxyTimeouts } from './proxy-deps.ts'
import { type TickClock, Ticker } from './ticker.ts'

/** What holds for the calls of one function. */
export interface CallLimits extends CallPeriods {
  /** Calls, and so connections, that one replica has at a time. */
  readonly perReplica: number
  /** Whether the function asks for that number itself, and so wants 429 beyond it. */
  readonly isOwnPerReplica: boolean
  readonly retry: RetrySettings | undefined
  readonly pace: Pace
  readonly clock: TickClock
  /** The clock, where the function has one of its own; absent: it is the gateway's. */
  readonly ticker?: Ticker
}

export interface CallLimitsDeps {
  readonly timeouts: ProxyTimeouts
  readonly perReplica: number
  /** Ticks with the pace of the limits that are no function's own. */
  readonly clock: TickClock
}

/** The limits of functions, made once for each of their settings: nothing is made for a call. */
export class CallLimitsTable {
  /** Where a function says nothing of its own. */
  readonly defaults: CallLimits
  readonly #bySettings = new WeakMap<CallSettings, CallLimits>()
  readonly #tickers = new Map<number, Ticker>()

  constructor({ timeouts, perReplica, clock }: CallLimitsDeps) {
    const { execMs, readMs } = timeouts
    const periods = { idleMs: execMs, firstByteMs: execMs, readMs }
    const pace = paceOf(periods)
    this.defaults = { ...periods, perReplica, isOwnPerReplica: false, retry: undefined, pace, clock }
  }

  /** The limits for these settings of a function. */
  of(settings: CallSettings | undefined): CallLimits {
    if (settings === undefined) return this.defaults
    const known = this.#bySettings.get(settings)
    if (known !== undefined) return known
    const made = this.#make(settings)
    this.#bySettings.set(settings, made)
    return made
  }

  /** Ends all clocks of functions. */
  stop(): void {
    for (const ticker of this.#tickers.values()) ticker.stop()
  }

  #make(settings: CallSettings): CallLimits {
    const { defaults } = this
    const idleMs = settings.idleTimeoutMs ?? defaults.idleMs
    const firstByteMs = settings.firstByteTimeoutMs ?? idleMs
    const periods = { idleMs, firstByteMs, totalMs: settings.totalTimeoutMs, readMs: defaults.readMs }
    const own = {
      perReplica: settings.maxInflight ?? defaults.perReplica,
      isOwnPerReplica: settings.maxInflight !== undefined,
      retry: settings.retry
    }
    if (settings.totalTimeoutMs === undefined && idleMs === defaults.idleMs && firstByteMs === defaults.firstByteMs) {
      return { ...defaults, ...own }
    }
    const pace = paceOf(periods)
    const ticker = this.#tickerOf(pace)
    return { ...periods, ...own, pace, clock: ticker, ticker }
  }

  #tickerOf({ tickMs }: Pace): Ticker {
    const ticker = this.#tickers.get(tickMs) ?? new Ticker(tickMs)
    this.#tickers.set(tickMs, ticker)
    return ticker
  }
}
