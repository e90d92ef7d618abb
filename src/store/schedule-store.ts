import type { ScheduleRecord } from '../../api/schedule-record.ts'

/** Which ticks of schedules are done with. One writer: the schedule controller. */
export interface ScheduleStore {
  /** Of one function, or of all; by schedule. */
  list: (uid?: string) => Promise<ScheduleRecord[]>
  /** On the disk when the promise resolves. Writes nothing when the function is not there any more. */
  put: (record: ScheduleRecord) => Promise<void>
  /** Forgets a schedule that its function has not any more. */
  remove: (record: Pick<ScheduleRecord, 'uid' | 'schedule' | 'timezone'>) => Promise<void>
}
