import { Installation } from './installation.ts'
import { isSettled, type Scenario, type Wanted } from './scenario.ts'
import type { Chain, Stage } from './sweep.ts'

/** The autoscaler freezes it as soon as it may, and it stays frozen. */
const METADATA = {
  labels: { 'com.openfaas.scale.zero': 'true', 'com.openfaas.scale.zero-duration': '1s' },
  annotations: { 'com.docker-faas.scale.freeze-duration': '1h' }
}
const RUNNING: Wanted = { replicas: 1, version: '1' }

/** A function that nobody calls is frozen, and thawed by a call. */
export function sleepLifeOf({ docker, image }: { docker: Installation['docker']; image: string }): Chain {
  const scenarios: readonly Scenario[] = [
    { title: 'freeze', minPlaces: 6, ask: async () => undefined, wanted: { ...RUNNING, isFrozen: true } },
    { title: 'thaw', minPlaces: 5, ask: call, wanted: RUNNING }
  ]
  const open = async (): Promise<Stage> => {
    const on = await Installation.create({ docker })
    await on.start().listening()
    const spec = { image, replicas: RUNNING.replicas, env: { VERSION: RUNNING.version } }
    const body = { metadata: { name: on.functionName, ...METADATA }, spec }
    const { status, text } = await on.process.call('POST', '/v1/functions', body)
    if (status > 201) throw new Error(`apply: ${status} ${text}`)
    await isSettled(RUNNING, on)
    return { on, close: () => on.close() }
  }
  return { scenarios, open, isRound: true }
}

async function call({ process, functionName }: Installation): Promise<void> {
  const { status, text } = await process.call('GET', `/function/${functionName}`)
  if (status !== 200) throw new Error(`call: ${status} ${text}`)
}
