import type { Clock } from '../../src/clock.ts'
import { LivenessProber } from './liveness.ts'
import { type ProbeRequest, requestStatus, type Schedule, scheduleTimeout } from './probe-request.ts'
import type { ProbeResult, ProbeTarget } from './readiness.ts'
import { ReadinessWatch, type WatchDeps } from './readiness-watch.ts'
import { WatchTable } from './watch-table.ts'

/** So many ready replicas are asked at the same time whether they still answer. */
const CONFIRM_WIDTH = 8
/** A container that nobody asked about this long is forgotten, unless functions at rest are looked at less often. */
const MEMORY_MS = 10 * 60_000

interface Deps {
  readonly clock: Clock
  /** A replica of this key became ready or unready, or does not live, outside of a `check`. */
  readonly onChange: (key: string) => void
  readonly request?: ProbeRequest
  readonly schedule?: Schedule
  /** A container may go unasked for so long; milliseconds. */
  readonly longestRestMs?: number
}

/** Says which replicas answer, and goes on asking those that do not, and those whose function asks for it. */
export class Prober {
  readonly #clock: Clock
  readonly #watchDeps: WatchDeps
  readonly #liveness: LivenessProber
  readonly #watches = new WatchTable<ReadinessWatch>()
  #stopped = false

  constructor({ clock, onChange, request = requestStatus, schedule = scheduleTimeout, longestRestMs = 0 }: Deps) {
    this.#clock = clock
    this.#liveness = new LivenessProber({ clock, onChange, request, schedule })
    this.#watchDeps = {
      ...{ clock, onChange, request, schedule },
      bornAt: clock.now(),
      memoryMs: Math.max(MEMORY_MS, 2 * longestRestMs),
      isStopped: () => this.#stopped,
      onForgotten: containerId => this.forget(containerId)
    }
  }

  /**
   * Whether the replica is ready, at once or after one probe of at most a second: the first one since the container
   * started, or one that confirms an old success. What follows is probed in the background and told by `onChange`.
   */
  async check(target: ProbeTarget): Promise<ProbeResult> {
    this.#forgetOld()
    const watch = this.#watchOf(target)
    await watch.check()
    if (this.#stopped || watch.hasEnded) return watch.result
    const { target: asked, hasAnswered, result } = watch
    const liveness = this.#liveness.watch(asked, asked.liveness, hasAnswered)
    return { ...result, ...(liveness === undefined ? {} : { liveness }) }
  }

  /** What `check` would say, for those who only look: what is known stays as it is, and nothing is begun. */
  async peek(target: ProbeTarget): Promise<ProbeResult> {
    const known = this.#watches.get(target.containerId)
    const watch = known?.isOf(target) === true ? known : new ReadinessWatch(this.#watchDeps, target)
    if (watch !== known) await watch.peek()
    const liveness = this.#liveness.peek(target.containerId)
    return { ...watch.result, ...(liveness === undefined ? {} : { liveness }) }
  }

  /** Asks the ready replicas of these functions again, in the background: one that does not answer is told by `onChange`. */
  confirm(keys: ReadonlySet<string>): void {
    const ready = [...keys].flatMap(key => this.#watches.of(key)).filter(({ isServing }) => isServing)
    const lanes = Array.from({ length: CONFIRM_WIDTH }, (_, lane) => ready.filter((_, n) => n % CONFIRM_WIDTH === lane))
    for (const lane of lanes) void this.#confirmAll(lane)
  }

  async #confirmAll(watches: readonly ReadinessWatch[]): Promise<void> {
    for (const { hasEnded, target } of watches) {
      if (!hasEnded) await this.#watchOf(target).confirm()
    }
  }

  /** All containers of which something is known. */
  containerIds(): string[] {
    return this.#watches.ids
  }

  /** Those of which it is asked whether they live, each by a timer. */
  livenessIds(): string[] {
    return this.#liveness.containerIds()
  }

  /** Ends all work on a container and drops what is known of it; the next `check` starts anew. */
  forget(containerId: string): void {
    this.#liveness.forget(containerId)
    this.#watches.take(containerId)?.end()
  }

  /** The container is paused: it is asked nothing until the next `check`, which takes it for what it was before. */
  rest(containerId: string): void {
    this.#liveness.forget(containerId)
    const watch = this.#watches.get(containerId)
    if (watch === undefined || this.#stopped) return
    watch.rest()
    this.#watchOf(watch.target)
  }

  /** The container could not be reached, for no fault of its own: that it did not say that it lives does not count. */
  pardon(containerId: string): void {
    this.#liveness.pardon(containerId)
  }

  /** A call found nobody there: the next `check` probes, however young the last success is. */
  doubt(containerId: string): void {
    this.#watches.get(containerId)?.doubt()
  }

  /** Forgets the containers of a key that are not among these. */
  prune(key: string, keep: ReadonlySet<string>): void {
    const gone = this.#watches.of(key).filter(({ target }) => !keep.has(target.containerId))
    for (const { target } of gone) this.forget(target.containerId)
  }

  /** Ends all probes and timers; a later `check` says not ready. */
  stop(): void {
    this.#stopped = true
    for (const containerId of this.#watches.ids) this.forget(containerId)
  }

  /** The watch of this start of the container, as the one that was asked about last. */
  #watchOf(target: ProbeTarget): ReadinessWatch {
    const known = this.#watches.get(target.containerId)
    const watch = known?.isOf(target) === true ? known : this.#begin(target)
    watch.askedAbout(target)
    if (this.#stopped) this.#watches.take(target.containerId)
    else this.#watches.put(watch)
    return watch
  }

  #begin(target: ProbeTarget): ReadinessWatch {
    this.forget(target.containerId)
    return new ReadinessWatch(this.#watchDeps, target)
  }

  #forgetOld(): void {
    const oldest = this.#clock.monotonic() - this.#watchDeps.memoryMs
    for (const containerId of this.#watches.askedBefore(oldest)) this.forget(containerId)
  }
}
