import PQueue from 'p-queue'
import type { Clock } from '../clock.ts'
import type { Engine, Image } from './engine.ts'
import { type EngineFault, faultOf } from './faults.ts'
import { type ImageState, isFixed, isImageId, present } from './image-state.ts'
import { baseMs, type Pull, PullHistory, type PullRecord, pardon } from './pull-history.ts'

/** Two pulls fill most uplinks; more only make each of them slower. */
const CONCURRENCY = 2
/** How long a pull answers for those who want a fresh image and do not say as of when. */
const FRESH_MS = 30_000

/** When the registry is asked: at each new revision, only for what is not there, or never. */
export type PullPolicy = 'Always' | 'IfNotPresent' | 'Never'

interface Want {
  /** A new revision is being resolved: with policy `Always` the registry is asked once even when the image is there. */
  readonly fresh: boolean
  /**
   * When what is wanted was written, in milliseconds since the epoch: only a pull that began then or later is fresh, and
   * a failure from before is not waited for. Absent, or in the future: a pull of the last 30 s is fresh.
   */
  readonly asOf?: number
}

interface Deps {
  readonly engine: Pick<Engine, 'inspectImage' | 'pullImage'>
  readonly policy: PullPolicy
  readonly clock: Clock
  /** In [0, 1). */
  readonly random: () => number
  /** A pull ended, well or not: whoever waits for the reference should come again. */
  readonly onSettled: (reference: string) => void
  readonly concurrency?: number
}

/** Brings images into the engine's store: one pull per reference, outside of any pass, with back-off. */
export class ImagePuller {
  readonly #deps: Deps
  readonly #queue: PQueue
  readonly #abort = new AbortController()
  readonly #history: PullHistory

  constructor(deps: Deps) {
    this.#deps = deps
    this.#history = new PullHistory(deps)
    this.#queue = new PQueue({ concurrency: deps.concurrency ?? CONCURRENCY })
  }

  /**
   * What is so, after starting or joining a pull where one is due; never waits for a pull. Rejects with `EngineError`
   * when the engine's own store cannot be read.
   */
  async ensure(reference: string, want: Want): Promise<ImageState> {
    this.#history.dropOld()
    const image = await this.#inspect(reference)
    const asOf = this.#asOf(want)
    if (image !== undefined && !this.#wantsPull(reference, want.fresh, asOf)) {
      this.#consume(reference)
      return present(reference, image)
    }
    if (image === undefined && (this.#deps.policy === 'Never' || isImageId(reference))) return this.#absent(reference)
    const record = this.#history.touch(reference)
    if (record.pull !== undefined) return { state: 'pulling', ...record.pull }
    if (record.failure !== undefined && asOf !== undefined && record.failure.since < asOf) {
      pardon(record) // of an older spec: the person who wrote the new one may have mended the cause
    }
    const waitMs = (record.failure?.retryAt ?? 0) - this.#deps.clock.monotonic()
    if (record.failure !== undefined && waitMs > 0) {
      const { fault, message } = record.failure
      if (image !== undefined) return { ...present(reference, image), stale: message }
      return { state: 'failed', fault, message, retryAt: this.#deps.clock.now() + waitMs }
    }
    return this.#start(reference, record)
  }

  /** What `ensure` would come to for a new revision. Starts no pull, and knows of none: for plans that only show. */
  async peek(reference: string, signal: AbortSignal): Promise<ImageState> {
    const image = await this.#deps.engine.inspectImage(reference, signal)
    if (image !== undefined && !this.#wantsPull(reference, true, undefined)) return present(reference, image)
    if (this.#deps.policy === 'Never' || isImageId(reference)) return this.#absent(reference)
    return { state: 'pulling', since: this.#deps.clock.now(), currentBytes: 0, totalBytes: 0 }
  }

  /** Clears the failures and the freshness of a reference, since its spec or the credentials changed; a running pull goes on. */
  forget(reference: string): void {
    const record = this.#history.get(reference)
    if (record?.pull === undefined) this.#history.drop(reference)
    else {
      pardon(record)
      record.pulled = undefined
    }
  }

  /** Lets every reference be pulled again at once whose last pull ended with that fault: its cause is mended. */
  retry(fault: EngineFault): void {
    for (const reference of this.#history.failedWith(fault)) this.forget(reference)
  }

  /** Aborts all pulls and starts no more; resolves when none is left. */
  async stop(): Promise<void> {
    this.#abort.abort()
    this.#queue.clear()
    this.#history.clear()
    await this.#queue.onIdle()
  }

  /** Looks again when a pull ended meanwhile, so that one look before it does not start a second pull. */
  async #inspect(reference: string): Promise<Image | undefined> {
    while (true) {
      const settled = this.#history.get(reference)?.settled
      const image = await this.#deps.engine.inspectImage(reference, this.#abort.signal)
      if (image !== undefined || this.#history.get(reference)?.settled === settled) return image
    }
  }

  /** NOTE after the clock was set back, `asOf` is in the future, and no pull could ever be younger than it. */
  #asOf({ asOf }: Want): number | undefined {
    return asOf !== undefined && asOf <= this.#deps.clock.now() ? asOf : undefined
  }

  /** Whether an image that is there is pulled all the same. */
  #wantsPull(reference: string, fresh: boolean, asOf: number | undefined): boolean {
    if (!fresh || this.#deps.policy !== 'Always' || isFixed(reference) || this.#abort.signal.aborted) return false
    const pulled = this.#history.get(reference)?.pulled
    if (pulled === undefined) return true
    return asOf === undefined ? this.#deps.clock.monotonic() - pulled.endedAt > FRESH_MS : pulled.since < asOf
  }

  #absent(reference: string): ImageState {
    const why = isImageId(reference) ? 'an image id cannot be pulled' : 'the pull policy is Never'
    return {
      state: 'failed',
      fault: 'no-image',
      message: `image ${reference} is not in the engine's store, and ${why}`,
      retryAt: this.#deps.clock.now() + baseMs('no-image')
    }
  }

  #start(reference: string, record: PullRecord): ImageState {
    const now = this.#deps.clock.now()
    if (this.#abort.signal.aborted) {
      return {
        state: 'failed',
        fault: 'aborted',
        message: `image ${reference} is not pulled while stopping`,
        retryAt: now
      }
    }
    const pull: Pull = { since: now, currentBytes: 0, totalBytes: 0 }
    record.pull = pull
    void this.#queue.add(() => this.#pull(reference, record, pull))
    return { state: 'pulling', ...pull }
  }

  async #pull(reference: string, record: PullRecord, pull: Pull): Promise<void> {
    const { engine, onSettled } = this.#deps
    const { signal } = this.#abort
    let failure: { readonly fault: EngineFault; readonly message: string } | undefined
    try {
      await engine.pullImage(reference, progress => Object.assign(pull, progress), signal)
      // NOTE without this look, a pull that changes nothing would be repeated without end
      if ((await engine.inspectImage(reference, signal)) === undefined) {
        failure = { fault: 'other', message: `image ${reference} was pulled and is not in the engine's store` }
      }
    } catch (err) {
      failure = { fault: faultOf(err), message: err instanceof Error ? err.message : String(err) }
    }
    if (signal.aborted) return
    if (failure === undefined) this.#history.succeeded(record, pull)
    else this.#history.failed(record, pull, failure)
    onSettled(reference)
  }

  /** What an outcome is kept for is over once the image is seen, but with `Always`, where it answers for freshness. */
  #consume(reference: string): void {
    if (this.#deps.policy !== 'Always') this.#history.drop(reference)
  }
}
