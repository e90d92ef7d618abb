import * as z from 'zod'
import { REASONS } from './condition.ts'

/** Reasons that only events give: things that happened rather than things that are so. */
export const EVENT_REASONS = [
  'Created',
  'Updated',
  'Deleted',
  'SettingUnknown',
  'ImagePulled',
  'ReplicaCreated',
  'ReplicaRemoved',
  'ReplicaReady',
  'NetworkCreated',
  'DriftRepaired',
  'RolloutComplete',
  'Woken',
  'Thawed',
  'OrphanCollected',
  'Adopted',
  'ForgedObject',
  'NetworkLeaked',
  'VolumeBusy',
  'ImageCollected',
  'DebugPortsBound',
  'SecretChanged',
  'SecretDeleted',
  'ProfileChanged',
  'Scaled',
  'QuotaReached',
  'CallDeadLettered',
  'AsyncQueueFull',
  'DeadLettersDropped',
  'ScheduleInvalid',
  'ScheduleMissed',
  'ScheduleSkipped',
  'ScheduleDelayed',
  'ScheduleClockSetBack'
] as const
export const EventReason = z.enum([...REASONS, ...EVENT_REASONS])
export type EventReason = z.infer<typeof EventReason>
