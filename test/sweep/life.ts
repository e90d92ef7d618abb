import type { Installation } from './installation.ts'
import type { Scenario, Wanted } from './scenario.ts'

/** The life of a function, one scenario after the other: each begins where the one before it ended. */
export function lifeOf(image: string): readonly Scenario[] {
  const scenario = (title: string, minPlaces: number, to: Wanted): Scenario => ({
    title,
    minPlaces,
    ask: on => applyTo(on, image, to),
    wanted: to
  })
  return [
    scenario('deploy', 14, { replicas: 1, version: '1' }),
    scenario('update', 20, { replicas: 1, version: '2' }),
    scenario('scale up', 12, { replicas: 2, version: '2' }),
    scenario('scale down', 14, { replicas: 1, version: '2' }),
    { title: 'delete', minPlaces: 18, ask: removeFrom, wanted: { replicas: 0, version: '2', isGone: true } }
  ]
}

/** Deploys the function of these scenarios, or changes it. */
export async function applyTo(
  on: Installation,
  image: string,
  { replicas, version }: Wanted,
  secrets: readonly string[] = []
): Promise<void> {
  const body = { metadata: { name: on.functionName }, spec: { image, replicas, secrets, env: { VERSION: version } } }
  const { status, text } = await on.process.call('POST', '/v1/functions', body)
  if (status > 201) throw new Error(`apply: ${status} ${text}`)
}

/** Asked again, it may be gone already. */
export async function removeFrom(on: Installation): Promise<void> {
  const { status, text } = await on.process.call('DELETE', `/v1/functions/${on.functionName}`)
  if (status > 204 && status !== 404) throw new Error(`delete: ${status} ${text}`)
}
