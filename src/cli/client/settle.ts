import type { FunctionObject } from '../../../api/function.ts'
import type { Environment } from '../environment.ts'
import { CliError, EXIT } from '../exit-code.ts'
import { waitForFunctions } from './follow-functions.ts'
import type { FunctionName } from './function-name.ts'
import type { GatewayClient } from './gateway-client.ts'
import { Progress } from './progress.ts'
import { describeProgress, isSettled, isStuck } from './settled.ts'

/**
 * The function once it is as wanted, at `generation` or a later one; shows how far it is meanwhile. Throws with the code for
 * time-outs when it is not in time, at once when only a person can mend it, and with the code for what is not found when there is none.
 */
export async function settle(
  environment: Environment,
  client: GatewayClient,
  name: FunctionName,
  { timeoutMs, generation = 0 }: { readonly timeoutMs: number; readonly generation?: number }
): Promise<FunctionObject> {
  using progress = new Progress(environment)
  return await waitForFunctions(environment, client, {
    names: [name],
    timeoutMs,
    done: ([standing]) => {
      if (standing === undefined) {
        throw new CliError(`function ${name.name} is not there in namespace ${name.namespace}`, EXIT.notFound)
      }
      if (isSettled(standing) && standing.metadata.generation >= generation) return standing
      progress.show(`${name.name}: ${describeProgress(standing)}`)
      return undefined
    },
    late: ([standing]) => {
      const state = standing === undefined ? 'is not there' : describeProgress(standing)
      return `${name.name} is not as wanted after ${timeoutMs / 1000} s: ${state}`
    },
    stuck: ([standing]) => {
      if (standing === undefined || !isStuck(standing)) return undefined
      return `${name.name} is not as wanted, and waiting does not help: ${describeProgress(standing)}`
    }
  })
}
