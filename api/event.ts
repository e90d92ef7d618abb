import type { Reason } from './condition.ts'

/** Reasons that only events give: things that happened rather than things that are so. */
export const EVENT_REASONS = [
  'Created',
  'Updated',
  'Deleted',
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
  'Scaled',
  'CallDeadLettered',
  'AsyncQueueFull',
  'DeadLettersDropped',
  'ScheduleInvalid',
  'ScheduleMissed',
  'ScheduleSkipped',
  'ScheduleDelayed',
  'ScheduleClockSetBack'
] as const
export type EventReason = Reason | (typeof EVENT_REASONS)[number]

/** Something that happened to an object; repetitions are counted, not listed. */
export interface FaasEvent {
  readonly id: number
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly type: 'Normal' | 'Warning'
  readonly reason: EventReason
  readonly message: string
  readonly count: number
  /** RFC 3339. */
  readonly firstAt: string
  /** RFC 3339. */
  readonly lastAt: string
}
