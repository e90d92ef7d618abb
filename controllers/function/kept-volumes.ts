import type { Clock } from '../../src/clock.ts'

/** A volume that is left alone for a while, as the engine did not let go of it. */
export interface KeptVolume {
  readonly name: string
  /** When it is tried again; milliseconds since the epoch. */
  readonly retryAt: number
  /** How often in a row the engine has refused to remove it. */
  readonly refusals: number
}

const FIRST_WAIT_MS = 1000
const MAX_WAIT_MS = 60_000

/**
 * Volumes with secrets that a container of somebody else has mounted, so that the engine refuses to remove them: each is
 * left alone for 1 s, 2 s, 4 s … 60 s. Lost at a restart, which costs a try.
 */
export class KeptVolumes {
  readonly #clock: Clock
  /** Key → name → the refusals so far, and when the next try is due on the clock that never jumps. */
  readonly #byKey = new Map<string, Map<string, { readonly refusals: number; readonly dueAt: number }>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Notes that the engine refused to remove a volume of the function. */
  refused(key: string, name: string): void {
    const volumes = this.#byKey.get(key) ?? new Map()
    const { refusals = 0 } = volumes.get(name) ?? {}
    const waitMs = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** refusals)
    this.#byKey.set(key, volumes.set(name, { refusals: refusals + 1, dueAt: this.#clock.monotonic() + waitMs }))
  }

  /** Those of the function's volumes that are not to be tried now; forgets the ones that are not among `names`. */
  among(key: string, names: readonly string[]): KeptVolume[] {
    const volumes = [...(this.#byKey.get(key) ?? [])].filter(([name]) => names.includes(name))
    if (volumes.length === 0) this.#byKey.delete(key)
    else this.#byKey.set(key, new Map(volumes))
    const now = this.#clock.monotonic()
    const ahead = this.#clock.now() - now
    return volumes
      .filter(([, { dueAt }]) => dueAt > now)
      .map(([name, { refusals, dueAt }]) => ({ name, refusals, retryAt: dueAt + ahead }))
  }

  /** Forgets all volumes of the function. */
  forget(key: string): void {
    this.#byKey.delete(key)
  }
}
