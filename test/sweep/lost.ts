import { expect } from 'chai'
import { Installation } from './installation.ts'
import { isSettled, type Scenario } from './scenario.ts'
import type { Chain, Stage } from './sweep.ts'

const WANTED = { replicas: 2, version: '1', isUntouched: true } as const

/**
 * Adopting what runs after the database was lost: what is interrupted is the first start over an empty one, and the
 * confirmation. Every place needs a database of its own to lose.
 */
export function recover({ docker, image }: { docker: Installation['docker']; image: string }): Chain {
  const scenario: Scenario = { title: 'recover', minPlaces: 16, ask: confirm, wanted: WANTED }
  const open = async (): Promise<Stage> => {
    const on = await Installation.create({ docker })
    await on.start().listening()
    const spec = { image, replicas: WANTED.replicas, env: { VERSION: WANTED.version } }
    await on.process.call('POST', '/v1/functions', { metadata: { name: on.functionName }, spec })
    await isSettled({ ...WANTED, isUntouched: false }, on)
    await on.loseDatabase()
    return { on, close: () => on.close() }
  }
  return { scenarios: [scenario], open, isRound: false }
}

/** Asked again, it may be decided already. */
async function confirm(on: Installation): Promise<void> {
  if (!on.isRunning) on.start()
  await on.process.listening()
  const { status, text } = await on.process.call('POST', '/v1/adopt', { action: 'adopt' })
  if (status !== 409) expect(status, text).to.equal(200)
}
