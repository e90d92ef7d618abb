import type { ReplicaStep } from './step.ts'

/** Steps that are done one after the other; one that fails ends its lane. */
export type Lane = readonly ReplicaStep[]

/** Steps on replicas, parted by what they wait for. */
export interface Lanes {
  /** What is made, and what is mended. */
  readonly coming: readonly Lane[]
  /** What brings back replicas that ran before. */
  readonly reviving: readonly Lane[]
  /** What only takes something away. */
  readonly going: readonly Lane[]
}

/** What is done to an old replica. */
const APART: ReadonlySet<string> = new Set(['stop-replica', 'thaw-replica', 'kill-replica'])
const TAKES: ReadonlySet<string> = new Set(['stop-replica', 'thaw-replica', 'remove-replica'])

/**
 * Steps of one ordinal depend on each other; an old replica that leaves or serves on must not wait for its successor. Nor
 * must the removal of one that never ran: it may be what keeps its successor from starting, by a volume that is not whole. Pure.
 */
export function lanesOf(steps: readonly ReplicaStep[]): Lanes {
  const creations = new Map(steps.flatMap(({ kind, ordinal }, i) => (kind === 'create-replica' ? [[ordinal, i]] : [])))
  const byKey = new Map<string, ReplicaStep[]>()
  for (const [i, step] of steps.entries()) {
    const makesRoom = i < (creations.get(step.ordinal) ?? -1)
    const isApart = APART.has(step.kind) || isRevival(step) || (step.kind === 'remove-replica' && !makesRoom)
    const key = isApart ? `old ${'id' in step ? step.id : ''}` : `ordinal ${step.ordinal}`
    byKey.set(key, [...(byKey.get(key) ?? []), step])
  }
  const lanes = [...byKey.values()]
  const reviving = lanes.filter(lane => lane.some(isRevival))
  const going = lanes.filter(isLeaving)
  return { coming: lanes.filter(lane => !reviving.includes(lane) && !going.includes(lane)), reviving, going }
}

/** Whether it brings back a replica that ran before. */
function isRevival(step: ReplicaStep): boolean {
  return (step.kind === 'start-replica' || step.kind === 'connect-replica') && step.id !== undefined
}

/** Whether it only takes something away. */
function isLeaving(lane: Lane): boolean {
  const last = lane.at(-1)?.kind
  return (last === 'stop-replica' || last === 'remove-replica') && lane.every(({ kind }) => TAKES.has(kind))
}
