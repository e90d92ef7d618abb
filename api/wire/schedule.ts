import { ScheduleView } from '../schedule-view.ts'
import { listOf } from './shape.ts'

/** `GET /v1/schedules`. */
export const ScheduleListAnswer = listOf('ScheduleList', ScheduleView)
