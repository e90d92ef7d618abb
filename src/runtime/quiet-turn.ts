import { setImmediate as nextTurn } from 'node:timers/promises'

/** A turn of the event loop in which nothing happens takes a sixth of this; one in which a connection is taken, many times this. */
const QUIET_MS = 0.006

/**
 * Resolves right after a turn of the event loop in which nothing came, so that nothing is waiting that could have been taken; after
 * `mostMs` anyway. Until then the process does not sleep.
 */
export async function quietTurn(mostMs: number): Promise<void> {
  const began = performance.now()
  let before = began
  for (;;) {
    await nextTurn()
    const now = performance.now()
    if (now - before < QUIET_MS || now - began > mostMs) return
    before = now
  }
}
