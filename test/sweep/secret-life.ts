import type { Installation } from './installation.ts'
import { applyTo, removeFrom } from './life.ts'
import type { Scenario, Wanted } from './scenario.ts'

/** The life of a function that has a secret, one scenario after the other. */
export function secretLifeOf(image: string): readonly Scenario[] {
  const running = (secret: string): Wanted => ({ replicas: 1, version: '1', secret })
  return [
    {
      title: 'deploy with a secret',
      minPlaces: 18,
      ask: async on => {
        await putSecret(on, 'one')
        await applyTo(on, image, running('one'), ['key'])
      },
      wanted: running('one')
    },
    { title: 'change the secret', minPlaces: 24, ask: on => putSecret(on, 'two'), wanted: running('two') },
    {
      title: 'delete with a secret',
      minPlaces: 16,
      ask: removeFrom,
      wanted: { replicas: 0, version: '1', isGone: true }
    }
  ]
}

async function putSecret(on: Installation, value: string): Promise<void> {
  const { status, text } = await on.process.call('PUT', '/v1/secrets/key', { value })
  if (status > 201) throw new Error(`put secret: ${status} ${text}`)
}
