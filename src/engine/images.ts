import PQueue from 'p-queue'
import { parseImageReference } from '../../api/image-reference.ts'
import type { Clock } from '../clock.ts'
import type { Engine, Image } from './engine.ts'
import { type EngineFault, faultOf } from './faults.ts'

/** Two pulls fill most uplinks; more only make each of them slower. */
const CONCURRENCY = 2
const BACKOFF_CAP_MS = 5 * 60_000
/**
 * First step of the back-off: what a person has to mend is asked for less often than what mends itself. A registry's
 * `Retry-After` cannot be followed, as the engine does not pass it on; one that says too often is asked as seldom as one
 * that refuses. NOTE asking the registry beside the engine would not help: mirrors, proxies and certificates are the
 * engine's own.
 */
const BACKOFF_BASE_MS: Partial<Record<EngineFault, number>> = {
  unauthorized: 30_000,
  throttled: 30_000,
  'no-image': 10_000,
  'no-space': 10_000
}
const DEFAULT_BASE_MS = 1_000
/** How long a pull answers for those who want a fresh image and do not say as of when. */
const FRESH_MS = 30_000
/** What nobody asked for this long is forgotten. */
const MEMORY_MS = 60 * 60_000

/** When the registry is asked: at each new revision, only for what is not there, or never. */
export type PullPolicy = 'Always' | 'IfNotPresent' | 'Never'

export type ImageState =
  | {
      readonly state: 'present'
      /** `sha256:…` of its config; what containers are made of. */
      readonly id: string
      /** `repository@sha256:…` of the reference's own repository; absent for an image that was built here. */
      readonly digest?: string
      /** Why the registry could not be asked whether there is a newer one, when it should have been. */
      readonly stale?: string
    }
  | {
      readonly state: 'pulling'
      /** Milliseconds since the epoch. */
      readonly since: number
      readonly currentBytes: number
      readonly totalBytes: number
    }
  | {
      readonly state: 'failed'
      readonly fault: EngineFault
      readonly message: string
      /** Milliseconds since the epoch: an `ensure` from then on tries again. */
      readonly retryAt: number
    }

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

/** A pull that is queued or under way. */
interface Pull {
  readonly since: number
  currentBytes: number
  totalBytes: number
}

interface Failure {
  /** When the pull began (epoch). */
  readonly since: number
  readonly fault: EngineFault
  readonly message: string
  /** On the monotonic clock. */
  readonly retryAt: number
}

/** What is known of one reference; nothing, for one that is present and was never pulled. */
interface Entry {
  pull?: Pull | undefined
  /** When the last pull that went well began (epoch) and ended (monotonic). */
  pulled?: { readonly since: number; readonly endedAt: number } | undefined
  failure?: Failure | undefined
  /** Pulls in a row that failed. */
  failures: number
  /** Pulls that ended: tells a look from before an end from one after it. */
  settled: number
  /** On the monotonic clock. */
  touchedAt: number
}

/** Brings images into the engine's store: one pull per reference, outside of any pass, with back-off. */
export class ImagePuller {
  readonly #deps: Deps
  readonly #queue: PQueue
  readonly #abort = new AbortController()
  /** By reference; longest untouched first. */
  readonly #entries = new Map<string, Entry>()

  constructor(deps: Deps) {
    this.#deps = deps
    this.#queue = new PQueue({ concurrency: deps.concurrency ?? CONCURRENCY })
  }

  /**
   * What is so, after starting or joining a pull where one is due; never waits for a pull. Rejects with `EngineError`
   * when the engine's own store cannot be read.
   */
  async ensure(reference: string, want: Want): Promise<ImageState> {
    this.#forgetOld()
    const image = await this.#inspect(reference)
    const asOf = this.#asOf(want)
    if (image !== undefined && !this.#wantsPull(reference, want.fresh, asOf)) {
      this.#consume(reference)
      return present(reference, image)
    }
    if (image === undefined && (this.#deps.policy === 'Never' || isImageId(reference))) return this.#absent(reference)
    const entry = this.#touch(reference)
    if (entry.pull !== undefined) return { state: 'pulling', ...entry.pull }
    if (entry.failure !== undefined && asOf !== undefined && entry.failure.since < asOf) {
      entry.failure = undefined // of an older spec: the person who wrote the new one may have mended the cause
      entry.failures = 0
    }
    const waitMs = (entry.failure?.retryAt ?? 0) - this.#deps.clock.monotonic()
    if (entry.failure !== undefined && waitMs > 0) {
      const { fault, message } = entry.failure
      if (image !== undefined) return { ...present(reference, image), stale: message }
      return { state: 'failed', fault, message, retryAt: this.#deps.clock.now() + waitMs }
    }
    return this.#start(reference, entry)
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
    const entry = this.#entries.get(reference)
    if (entry?.pull === undefined) this.#entries.delete(reference)
    else Object.assign(entry, { failures: 0, failure: undefined, pulled: undefined })
  }

  /** Lets every reference be pulled again at once whose last pull ended with that fault: its cause is mended. */
  retry(fault: EngineFault): void {
    for (const [reference, { failure }] of this.#entries) if (failure?.fault === fault) this.forget(reference)
  }

  /** Aborts all pulls and starts no more; resolves when none is left. */
  async stop(): Promise<void> {
    this.#abort.abort()
    this.#queue.clear()
    this.#entries.clear()
    await this.#queue.onIdle()
  }

  /** Looks again when a pull ended meanwhile, so that one look before it does not start a second pull. */
  async #inspect(reference: string): Promise<Image | undefined> {
    while (true) {
      const settled = this.#entries.get(reference)?.settled
      const image = await this.#deps.engine.inspectImage(reference, this.#abort.signal)
      if (image !== undefined || this.#entries.get(reference)?.settled === settled) return image
    }
  }

  /** NOTE after the clock was set back, `asOf` is in the future, and no pull could ever be younger than it. */
  #asOf({ asOf }: Want): number | undefined {
    return asOf !== undefined && asOf <= this.#deps.clock.now() ? asOf : undefined
  }

  /** Whether an image that is there is pulled all the same. */
  #wantsPull(reference: string, fresh: boolean, asOf: number | undefined): boolean {
    if (!fresh || this.#deps.policy !== 'Always' || isFixed(reference) || this.#abort.signal.aborted) return false
    const pulled = this.#entries.get(reference)?.pulled
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

  #start(reference: string, entry: Entry): ImageState {
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
    entry.pull = pull
    void this.#queue.add(() => this.#pull(reference, entry, pull))
    return { state: 'pulling', ...pull }
  }

  async #pull(reference: string, entry: Entry, pull: Pull): Promise<void> {
    const { engine, clock, onSettled } = this.#deps
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
    entry.pull = undefined
    entry.settled++
    if (failure === undefined) {
      entry.pulled = { since: pull.since, endedAt: clock.monotonic() }
      entry.failure = undefined
      entry.failures = 0
    } else {
      const retryAt = clock.monotonic() + this.#backoffMs(failure.fault, entry.failures++)
      entry.failure = { ...failure, since: pull.since, retryAt }
    }
    onSettled(reference)
  }

  /** Random in [0, min(cap, base·2^failures)), so that references that failed together come back apart. */
  #backoffMs(fault: EngineFault, failures: number): number {
    return this.#deps.random() * Math.min(BACKOFF_CAP_MS, baseMs(fault) * 2 ** failures)
  }

  /** The entry of a reference, as the one that was touched last. */
  #touch(reference: string): Entry {
    const entry = this.#entries.get(reference) ?? { failures: 0, settled: 0, touchedAt: 0 }
    entry.touchedAt = this.#deps.clock.monotonic()
    this.#entries.delete(reference)
    this.#entries.set(reference, entry)
    return entry
  }

  /** What an outcome is kept for is over once the image is seen, but with `Always`, where it answers for freshness. */
  #consume(reference: string): void {
    const entry = this.#entries.get(reference)
    if (this.#deps.policy !== 'Always' && entry?.pull === undefined) this.#entries.delete(reference)
  }

  #forgetOld(): void {
    const oldest = this.#deps.clock.monotonic() - MEMORY_MS
    for (const [reference, entry] of this.#entries) {
      if (entry.touchedAt >= oldest) return
      if (entry.pull === undefined) this.#entries.delete(reference)
    }
  }
}

function baseMs(fault: EngineFault): number {
  return BACKOFF_BASE_MS[fault] ?? DEFAULT_BASE_MS
}

function isImageId(reference: string): boolean {
  return /^(?:sha256:)?[0-9a-f]{64}$/.test(reference)
}

/** Whether the reference can only ever mean one image. */
function isFixed(reference: string): boolean {
  return isImageId(reference) || parseImageReference(reference)?.digest !== undefined
}

function present(reference: string, image: Image): ImageState & { state: 'present' } {
  const digest = digestFor(reference, image)
  return { state: 'present', id: image.id, ...(digest === undefined ? {} : { digest }) }
}

/** The digest under which the reference's own repository knows the image. */
function digestFor(reference: string, image: Image): string | undefined {
  const wanted = parseImageReference(reference)
  if (wanted === undefined) return undefined
  const own = image.digests.filter(text => {
    const known = parseImageReference(text)
    return known?.registry === wanted.registry && known.repository === wanted.repository
  })
  return own.find(text => wanted.digest !== undefined && text.endsWith(`@${wanted.digest}`)) ?? own[0]
}
