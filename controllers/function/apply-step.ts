import type { Engine } from '../../src/engine/engine.ts'
import { createNetwork, type NetworkDeps, removeNetwork } from './apply-network.ts'
import {
  connectReplica,
  createReplica,
  type ReplicaDeps,
  removeReplica,
  startReplica,
  stopReplica
} from './apply-replica.ts'
import { removeSecrets, writeSecrets } from './apply-secrets.ts'
import type { Step } from './step.ts'
import type { Target } from './target.ts'

export interface ApplyDeps extends NetworkDeps, ReplicaDeps {
  readonly engine: Engine
  readonly inflight: { count: (containerId: string) => number }
  /** Whether calls wait for the function, so that nothing of it is frozen. */
  readonly isWanted?: (key: string) => boolean
}

/** Does one step. Done also when the engine has it so already; throws what the engine refuses. */
export async function applyStep(deps: ApplyDeps, target: Target, step: Step, signal: AbortSignal): Promise<void> {
  const { engine } = deps
  const { desired } = target
  switch (step.kind) {
    case 'create-network':
      return createNetwork(deps, target, signal)
    case 'remove-network':
      return removeNetwork(deps, step, signal)
    case 'connect-gateway':
      return engine.connectNetwork(step.name, step.gatewayId, signal)
    case 'disconnect-gateway':
      return engine.disconnectNetwork(step.name, step.gatewayId, signal)
    case 'write-secrets':
      return writeSecrets(deps, desired, signal)
    case 'remove-secrets':
      return removeSecrets(deps, desired.key, step.name, signal)
    case 'remove-loader':
      return engine.removeContainer(step.id, signal)
    case 'create-replica':
      return createReplica(deps, target, step.ordinal, signal)
    case 'start-replica':
      return startReplica(deps, target, step, signal)
    case 'connect-replica':
      return connectReplica(deps, step.networkId ?? desired.networkName, step.name, signal)
    case 'disconnect-replica':
      return engine.disconnectNetwork(step.networkId, step.name, signal)
    case 'unpause-replica':
      return engine.unpauseContainer(step.name, signal)
    case 'freeze-replica':
      // A call came since this was planned: it waits, or runs on.
      return deps.isWanted?.(desired.key) === true || deps.inflight.count(step.id) > 0
        ? undefined
        : engine.pauseContainer(step.id, signal)
    case 'thaw-replica':
      return engine.unpauseContainer(step.id, signal)
    case 'rename-replica':
      return engine.renameContainer(step.id, step.to, signal)
    case 'kill-replica':
      return engine.signalContainer(step.id, 'SIGKILL', signal)
    case 'stop-replica':
      return stopReplica(deps, desired.key, step, signal)
    case 'remove-replica':
      return removeReplica(deps, desired, step, signal)
    default:
      return step satisfies never
  }
}
