import { setTimeout as sleep } from 'node:timers/promises'
import type { FunctionObject } from '../../../api/function.ts'
import { type FunctionName, functionPath } from '../client/function-name.ts'
import type { GatewayClient } from '../client/gateway-client.ts'
import { Progress } from '../client/progress.ts'
import type { Environment } from '../environment.ts'
import { CliError, EXIT } from '../exit-code.ts'

const PAUSE_MS = 500

/** Whether what was written at `generation` serves, and in words what is missing. */
export function readiness(
  { status }: Pick<FunctionObject, 'status'>,
  generation: number
): { readonly ready: boolean; readonly why: string } {
  const find = (type: string) => status.conditions.find(condition => condition.type === type)
  if (status.observedGeneration < generation) return { ready: false, why: 'Reconciling' }
  const [ready, progressing, degraded] = [find('Ready'), find('Progressing'), find('Degraded')]
  if (ready?.status === 'True' && progressing?.status === 'False') return { ready: true, why: ready.reason }
  const told = degraded?.status === 'True' ? degraded : progressing?.status === 'True' ? progressing : ready
  return { ready: false, why: told === undefined ? 'Reconciling' : `${told.reason}: ${told.message}` }
}

export interface Awaited extends FunctionName {
  readonly generation: number
}

/** Resolves when all of them serve what was written. Throws with what each of the others lacks when that takes too long. */
export async function waitReady(
  environment: Environment,
  client: GatewayClient,
  functions: readonly Awaited[],
  timeoutMs: number
): Promise<void> {
  await waitUntil(environment, timeoutMs, functions, async fn => {
    const object = await client.call<FunctionObject>('GET', functionPath(fn))
    const { ready, why } = readiness(object, fn.generation)
    return ready ? undefined : `${fn.name}: ${why}`
  })
}

/** What is waited for to be gone. */
export interface Leaving {
  readonly name: string
  readonly path: string
  /** Another one of that name may be there by then: it is not waited for. */
  readonly uid: string | undefined
}

/** Resolves when none of them is there any more. Throws when that takes too long. */
export async function waitGone(
  environment: Environment,
  client: GatewayClient,
  objects: readonly Leaving[],
  timeoutMs: number
): Promise<void> {
  await waitUntil(environment, timeoutMs, objects, async ({ name, path, uid }) => {
    const found = await client.find<{ metadata?: { uid?: string } }>(path)
    return found !== undefined && found.metadata?.uid === uid ? `${name} is still there` : undefined
  })
}

/** Resolves when `lacks` says of none of the items what it lacks; shows meanwhile what the first does. */
async function waitUntil<T>(
  environment: Environment,
  timeoutMs: number,
  items: readonly T[],
  lacks: (item: T) => Promise<string | undefined>
): Promise<void> {
  const deadline = Date.now() + timeoutMs
  using progress = new Progress(environment)
  let pending = items
  for (;;) {
    const states = await Promise.all(pending.map(async item => ({ item, lack: await lacks(item) })))
    const waiting = states.filter(({ lack }) => lack !== undefined)
    if (waiting.length === 0) return
    pending = waiting.map(({ item }) => item)
    const left = deadline - Date.now()
    if (left <= 0) {
      const lines = waiting.map(({ lack }) => `\n  ${lack}`).join('')
      throw new CliError(`timed out after ${timeoutMs / 1000} s:${lines}`, EXIT.timeout)
    }
    progress.show(`waiting for ${pending.length} of ${items.length}: ${waiting[0]?.lack}`)
    await sleep(Math.min(PAUSE_MS, left))
  }
}
