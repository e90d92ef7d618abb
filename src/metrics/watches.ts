import { Counter, Gauge, type Registry } from 'prom-client'

/** Who watches functions and events. */
export interface WatchMetrics {
  readonly setWatchers: (count: number) => void
  readonly watcherRefused: () => void
}

export function createWatchMetrics(registry: Registry): WatchMetrics {
  const registers = [registry]
  const watchers = new Gauge({ name: 'faas_watchers', help: 'Clients that watch functions or events now', registers })
  const refused = new Counter({
    ...{
      name: 'faas_watchers_refused_total',
      help: 'Clients that were told to come again, as too many watch',
      registers
    }
  })
  return { setWatchers: count => watchers.set(count), watcherRefused: () => refused.inc() }
}
