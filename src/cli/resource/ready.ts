import { type Standing, waitForFunctions } from '../client/follow-functions.ts'
import type { FunctionName } from '../client/function-name.ts'
import type { GatewayClient } from '../client/gateway-client.ts'
import { Progress } from '../client/progress.ts'
import { describeProgress, isSettled } from '../client/settled.ts'
import type { Environment } from '../environment.ts'

/** A function that was written at this generation. */
export interface Written extends FunctionName {
  readonly generation: number
}

/** A function whose deletion was asked for: another one of its name may be there by now. */
export interface Leaving extends FunctionName {
  readonly uid: string
}

/** Resolves when all of them serve what was written. Throws with what each of the others lacks when that takes too long. */
export async function waitReady(
  environment: Environment,
  client: GatewayClient,
  functions: readonly Written[],
  timeoutMs: number
): Promise<void> {
  await waitFor(environment, client, { names: functions, timeoutMs }, (standing, { generation }) => {
    if (standing === undefined) return 'is not there'
    return isSettled(standing) && standing.metadata.generation >= generation ? undefined : describeProgress(standing)
  })
}

/** Resolves when none of them is there any more. Throws when that takes too long. */
export async function waitGone(
  environment: Environment,
  client: GatewayClient,
  functions: readonly Leaving[],
  timeoutMs: number
): Promise<void> {
  await waitFor(environment, client, { names: functions, timeoutMs }, (standing, { uid }) =>
    standing?.metadata.uid === uid ? 'is still there' : undefined
  )
}

/** Resolves when `lacks` says of none of them what it lacks; shows meanwhile what the first does. */
async function waitFor<T extends FunctionName>(
  environment: Environment,
  client: GatewayClient,
  { names, timeoutMs }: { readonly names: readonly T[]; readonly timeoutMs: number },
  lacks: (standing: Standing, name: T) => string | undefined
): Promise<void> {
  if (names.length === 0) return
  using progress = new Progress(environment)
  const linesOf = (standings: readonly Standing[]) =>
    names.flatMap((name, index) => {
      const lack = lacks(standings[index], name)
      return lack === undefined ? [] : [`${name.name}: ${lack}`]
    })
  await waitForFunctions(environment, client, {
    names,
    timeoutMs,
    done: standings => {
      const lines = linesOf(standings)
      if (lines.length === 0) return true
      progress.show(`waiting for ${lines.length} of ${names.length}: ${lines[0]}`)
      return undefined
    },
    late: standings => {
      progress.clear()
      return `timed out after ${timeoutMs / 1000} s:\n  ${linesOf(standings).join('\n  ')}`
    }
  })
}
