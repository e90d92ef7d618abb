import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** So much passes between two collections, of which each takes less than a millisecond. */
const COLLECT_EVERY_BYTES = 4 * 1024 * 1024

/**
 * Frees the buffers that bodies came in. V8 by itself waits for 64 MiB of them, as it counts what lies outside of its heap only
 * then; a gateway would grow by that much with its first large body, and keep it.
 */
export class UsedBuffers {
  #collect: (() => void) | undefined
  #bytes = 0

  /** `collect` frees them; V8's own collector unless told. */
  constructor(collect?: () => void) {
    this.#collect = collect
  }

  /** So many bytes were passed on. */
  passed(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes < COLLECT_EVERY_BYTES) return
    this.#bytes = 0
    this.#collect ??= youngCollector()
    this.#collect()
  }
}

function youngCollector(): () => void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (options: { readonly type: 'minor' }) => void
  setFlagsFromString('--no-expose-gc')
  return () => collect({ type: 'minor' })
}
