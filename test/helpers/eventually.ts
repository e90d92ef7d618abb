import { setTimeout as sleep } from 'node:timers/promises'

/** Tries until `check` does not throw, and gives what it gave; throws its last error when the time is over. */
export async function eventually<T>(
  check: () => T | Promise<T>,
  { timeoutMs = 20_000, intervalMs = 50 }: { timeoutMs?: number; intervalMs?: number } = {}
): Promise<T> {
  const end = performance.now() + timeoutMs
  while (true) {
    try {
      return await check()
    } catch (err) {
      if (performance.now() >= end) throw err
      await sleep(intervalMs)
    }
  }
}
