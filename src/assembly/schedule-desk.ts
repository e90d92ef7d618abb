import { listSchedules } from '../../controllers/schedule/view.ts'
import { systemClock } from '../clock.ts'
import type { Config } from '../config/config.ts'
import type { ScheduleDesk } from '../http/deps.ts'
import type { Store } from '../store/open.ts'

interface DeskDeps {
  readonly config: Config
  readonly store: Store
}

/** What the API shows of schedules. */
export function assembleScheduleDesk({ config, store }: DeskDeps): ScheduleDesk {
  const deps = { ...store, spreadMs: config.SCHEDULE_SPREAD, now: systemClock.now }
  return { list: objects => listSchedules(deps, objects) }
}
