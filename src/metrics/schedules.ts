import { Counter, Gauge, type Registry } from 'prom-client'
import { functionNameLabel } from './function.ts'

/** Told what became of the ticks of schedules. */
export interface ScheduleMetrics {
  readonly ran: (key: string) => void
  readonly skipped: (key: string) => void
  readonly missed: (key: string, count: number) => void
  /** When its next tick is due, or was while that waits, in milliseconds since the epoch; undefined: none is. */
  readonly nextDue: (key: string, at: number | undefined) => void
  /** Whether its annotations can be read. */
  readonly readable: (key: string, isReadable: boolean) => void
  /** The function has no schedules, or is gone: removes its series. */
  readonly forgotten: (key: string) => void
}

const NAME = ['function_name']

export function createScheduleMetrics(registry: Registry): ScheduleMetrics {
  const registers = [registry]
  const counter = (name: string, help: string) => new Counter({ name, help, labelNames: NAME, registers })
  const gauge = (name: string, help: string) => new Gauge({ name, help, labelNames: NAME, registers })
  const runs = counter('faas_schedule_runs_total', 'Ticks of schedules that became a call')
  const skipped = counter('faas_schedule_skipped_total', 'Ticks that were left out, as the call before had not ended')
  const missed = counter('faas_schedule_missed_total', 'Ticks that came while nobody looked, and were not run')
  const next = gauge('faas_schedule_next_due_timestamp_seconds', 'When the next tick of the function is due')
  const invalid = gauge('faas_schedule_invalid', '1 when the annotations of the schedule cannot be read, else 0')
  const families = [runs, skipped, missed, next, invalid]
  const known = new Set<string>()
  return {
    ran: key => runs.inc({ function_name: functionNameLabel(key) }),
    skipped: key => skipped.inc({ function_name: functionNameLabel(key) }),
    missed: (key, count) => missed.inc({ function_name: functionNameLabel(key) }, count),
    nextDue: (key, at) => {
      const labels = { function_name: functionNameLabel(key) }
      if (at === undefined) next.remove(labels)
      else next.set(labels, at / 1000)
    },
    readable: (key, isReadable) => {
      const labels = { function_name: functionNameLabel(key) }
      invalid.set(labels, isReadable ? 0 : 1)
      for (const family of [runs, skipped, missed]) family.inc(labels, 0)
      known.add(key)
    },
    forgotten: key => {
      if (!known.delete(key)) return
      for (const family of families) family.remove({ function_name: functionNameLabel(key) })
    }
  }
}
