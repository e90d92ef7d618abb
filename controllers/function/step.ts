import type { RepairKind } from '../../src/metrics/engine.ts'

/**
 * One engine call, as data, with the reason in words. The text of a plan is what logs, dry runs and golden tests show.
 */
export type Step =
  | { readonly kind: 'create-network'; readonly name: string; readonly cause: string }
  | { readonly kind: 'remove-network'; readonly name: string; readonly id: string; readonly cause: string }
  | { readonly kind: 'connect-gateway'; readonly name: string; readonly gatewayId: string; readonly cause: string }
  | { readonly kind: 'disconnect-gateway'; readonly name: string; readonly gatewayId: string; readonly cause: string }
  | { readonly kind: 'write-secrets'; readonly name: string; readonly cause: string }
  | { readonly kind: 'remove-secrets'; readonly name: string; readonly cause: string }
  | { readonly kind: 'remove-loader'; readonly name: string; readonly id: string; readonly cause: string }
  | ReplicaStep

/** Cause of a step that gives a replica its name back. */
export const RENAMED = 'renamed'

/** Start of the causes of steps that bring a replica to another network. */
export const MOVES = 'moves'

/** A step on one replica. Those of one ordinal run in order, but for what leaves; those of several may run side by side. */
export type ReplicaStep =
  | { readonly kind: 'create-replica'; readonly name: string; readonly ordinal: number; readonly cause: string }
  | {
      readonly kind: 'start-replica'
      readonly name: string
      /** Of one that ran before; absent for one that is new. */
      readonly id?: string
      readonly ordinal: number
      readonly cause: string
    }
  | {
      readonly kind: 'connect-replica'
      readonly name: string
      /** Of the network that was found; absent for one that is made in the same pass. */
      readonly networkId?: string
      /** Of one that ran before and is started again thereupon. */
      readonly id?: string
      readonly ordinal: number
      readonly cause: string
    }
  | {
      readonly kind: 'disconnect-replica'
      readonly name: string
      readonly networkId: string
      readonly ordinal: number
      readonly cause: string
    }
  | { readonly kind: 'unpause-replica'; readonly name: string; readonly ordinal: number; readonly cause: string }
  | {
      /** The two that follow from whether calls come; `unpause-replica` undoes what somebody did by hand. */
      readonly kind: 'freeze-replica' | 'thaw-replica'
      readonly name: string
      readonly id: string
      readonly ordinal: number
      readonly cause: string
    }
  | {
      readonly kind: 'rename-replica'
      readonly name: string
      readonly id: string
      readonly to: string
      readonly ordinal: number
      readonly cause: string
    }
  | {
      /** One that is to be started again: it was not asked to go. */
      readonly kind: 'kill-replica'
      readonly name: string
      readonly id: string
      readonly ordinal: number
      readonly cause: string
    }
  | {
      readonly kind: 'stop-replica'
      readonly name: string
      readonly id: string
      readonly posixSignal: string
      readonly ordinal: number
      readonly cause: string
    }
  | {
      readonly kind: 'remove-replica'
      readonly name: string
      readonly id: string
      readonly ordinal: number
      readonly cause: string
    }

export function isReplicaStep(step: Step): step is ReplicaStep {
  return 'ordinal' in step
}

/** Whether it undoes what somebody did to a replica by hand, or what befell it. */
export function isRepair(step: Step): step is ReplicaStep & { readonly kind: RepairKind } {
  if (step.cause.startsWith(MOVES)) return false
  switch (step.kind) {
    case 'connect-replica':
    case 'disconnect-replica':
    case 'unpause-replica':
      return true
    case 'rename-replica':
      return step.cause === RENAMED
    case 'start-replica':
      return step.id !== undefined
    default:
      return false
  }
}

/** `create hello-0: missing`. */
export function formatStep(step: Step): string {
  const [verb] = step.kind.split('-')
  switch (step.kind) {
    case 'create-network':
    case 'remove-network':
      return `${verb} network ${step.name}: ${step.cause}`
    case 'connect-gateway':
    case 'disconnect-gateway':
      return `${verb} gateway ${step.kind === 'connect-gateway' ? 'to' : 'from'} ${step.name}: ${step.cause}`
    case 'write-secrets':
    case 'remove-secrets':
      return `${verb} secrets ${step.name}: ${step.cause}`
    case 'remove-loader':
      return `remove loader ${step.name}: ${step.cause}`
    case 'rename-replica':
      return `rename ${step.name} to ${step.to}: ${step.cause}`
    default:
      return `${verb} ${step.name}: ${step.cause}`
  }
}

/** One line a step. */
export function formatPlan(steps: readonly Step[]): string {
  return steps.map(formatStep).join('\n')
}
