import { type Standing, waitForFunctions } from '../client/follow-functions.ts'
import type { FunctionName } from '../client/function-name.ts'
import type { GatewayClient } from '../client/gateway-client.ts'
import { Progress } from '../client/progress.ts'
import { describeProgress, isSettled, isStuck } from '../client/settled.ts'
import type { Environment } from '../environment.ts'

/** A function that was written at this generation. */
export interface Written extends FunctionName {
  readonly generation: number
}

/** A function whose deletion was asked for: another one of its name may be there by now. */
export interface Leaving extends FunctionName {
  readonly uid: string
}

/**
 * Resolves when all of them serve what was written. Throws with what each of the others lacks when that takes too long, or
 * when none of those gets there unless a person mends something.
 */
export async function waitReady(
  environment: Environment,
  client: GatewayClient,
  functions: readonly Written[],
  timeoutMs: number
): Promise<void> {
  const lacks = (standing: Standing, { generation }: Written) => {
    if (standing === undefined) return 'is not there'
    return isSettled(standing) && standing.metadata.generation >= generation ? undefined : describeProgress(standing)
  }
  const isHopeless = (standing: Standing) => standing !== undefined && isStuck(standing)
  await waitFor(environment, client, { names: functions, timeoutMs, lacks, isHopeless })
}

/** Resolves when none of them is there any more. Throws when that takes too long. */
export async function waitGone(
  environment: Environment,
  client: GatewayClient,
  functions: readonly Leaving[],
  timeoutMs: number
): Promise<void> {
  const lacks = (standing: Standing, { uid }: Leaving) =>
    standing?.metadata.uid === uid ? 'is still there' : undefined
  await waitFor(environment, client, { names: functions, timeoutMs, lacks, isHopeless: () => false })
}

interface Wait<T> {
  readonly names: readonly T[]
  readonly timeoutMs: number
  /** In words; undefined when it lacks nothing. */
  readonly lacks: (standing: Standing, name: T) => string | undefined
  /** Whether waiting does not help one that lacks something. */
  readonly isHopeless: (standing: Standing) => boolean
}

/** Resolves when `lacks` says of none of them what it lacks; shows meanwhile what the first does. */
async function waitFor<T extends FunctionName>(
  environment: Environment,
  client: GatewayClient,
  { names, timeoutMs, lacks, isHopeless }: Wait<T>
): Promise<void> {
  if (names.length === 0) return
  using progress = new Progress(environment)
  const lackingOf = (standings: readonly Standing[]) =>
    names.flatMap((name, index) => {
      const lack = lacks(standings[index], name)
      return lack === undefined ? [] : [{ line: `${name.name}: ${lack}`, standing: standings[index] }]
    })
  const told = (standings: readonly Standing[]) => lackingOf(standings).map(({ line }) => `\n  ${line}`)
  await waitForFunctions(environment, client, {
    names,
    timeoutMs,
    done: standings => {
      const lacking = lackingOf(standings)
      const [first] = lacking
      if (first === undefined) return true
      progress.show(`waiting for ${lacking.length} of ${names.length}: ${first.line}`)
      return undefined
    },
    late: standings => {
      progress.clear()
      return `timed out after ${timeoutMs / 1000} s:${told(standings).join('')}`
    },
    stuck: standings => {
      const lacking = lackingOf(standings)
      if (lacking.length === 0 || !lacking.every(({ standing }) => isHopeless(standing))) return undefined
      return `waiting does not help:${told(standings).join('')}`
    }
  })
}
