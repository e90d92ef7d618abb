import { readFileSync } from 'node:fs'
import type { Config } from '../config/config.ts'
import type { ConnectionLimitOptions } from '../http/connections.ts'
import type { Logger } from '../logging/logger.ts'
import type { Metrics } from '../metrics/metrics.ts'

const REPORT_MS = 1000

interface Deps {
  readonly config: Pick<Config, 'MAX_CONNECTIONS'>
  readonly metrics: Pick<Metrics, 'connectionsCut'>
  readonly log: Pick<Logger, 'warn'>
}

/**
 * How many clients may be connected: half of what the process may have open at most, as each call of a function has a second
 * connection, and the engine and the database need some. Those that are cut off are counted, and told of once a second.
 */
export function connectionLimit({ config, metrics, log }: Deps): ConnectionLimitOptions {
  const max = Math.min(config.MAX_CONNECTIONS, Math.floor(openFilesLimit() / 2))
  let untold = 0
  const onCut = (count: number) => {
    metrics.connectionsCut(count)
    untold += count
    if (untold > count) return
    setTimeout(() => {
      log.warn({ count: untold, max }, 'Cut off connections for others')
      untold = 0
    }, REPORT_MS).unref()
  }
  return { max, onCut }
}

/** How many files and connections this process may have open; Infinity where that is not told. */
function openFilesLimit(): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft)
  } catch {
    return Number.POSITIVE_INFINITY // not Linux
  }
}
