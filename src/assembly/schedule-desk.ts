import type { Zones } from '../../api/schedule.ts'
import { openTimeZone, type TimeZone } from '../../api/time-zone.ts'
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
  const zones = createZones()
  const deps = { ...store, zones, spreadMs: config.SCHEDULE_SPREAD, now: systemClock.now }
  return { list: objects => listSchedules(deps, objects) }
}

/** Keeps zones that are open: there are some hundreds at most. */
export function createZones(): Zones {
  const open = new Map<string, TimeZone>()
  return name => {
    const known = open.get(name)
    if (known !== undefined) return known
    const zone = openTimeZone(name)
    if (zone !== undefined) open.set(name, zone)
    return zone
  }
}
