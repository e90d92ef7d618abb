import { Counter, Gauge, type Registry } from 'prom-client'

/** Who reads the logs of functions. */
export interface LogReaderMetrics {
  readonly setLogReaders: (count: number) => void
  readonly logLineSent: () => void
  readonly logReaderRefused: () => void
  readonly logLookFailed: () => void
}

export function createLogReaderMetrics(registry: Registry): LogReaderMetrics {
  const registers = [registry]
  const readers = new Gauge({ name: 'faas_log_readers', help: 'Clients that read or follow logs now', registers })
  const lines = new Counter({
    ...{ name: 'faas_log_lines_sent_total', help: 'Lines of logs that were given to clients', registers }
  })
  const refused = new Counter({
    name: 'faas_log_readers_refused_total',
    help: 'Clients that were told to come again, as too many read logs',
    registers
  })
  const failed = new Counter({
    name: 'faas_log_look_failures_total',
    help: 'Times that the engine did not say which replicas a function has whose logs are followed',
    registers
  })
  return {
    setLogReaders: count => readers.set(count),
    logLineSent: () => lines.inc(),
    logReaderRefused: () => refused.inc(),
    logLookFailed: () => failed.inc()
  }
}
