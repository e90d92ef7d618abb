import { LegacyInstallation } from '../helpers/legacy.ts'
import { Installation } from './installation.ts'
import type { Scenario } from './scenario.ts'
import type { Chain, Stage } from './sweep.ts'

export interface LegacyOptions {
  readonly docker: Installation['docker']
  readonly image: string
  readonly subnet: () => string
}

/**
 * Taking over a database and what runs of the older program: what is interrupted is the first start, migrations included.
 * Every place needs an older program of its own.
 */
export function takeOver({ docker, image, subnet }: LegacyOptions): Chain {
  /** Subnets that no older program of ours has now. */
  const free: string[] = []
  const scenario: Scenario = {
    title: 'adopt',
    minPlaces: 20,
    ask: async on => {
      if (!on.isRunning) on.start()
      await on.process.listening()
    },
    wanted: { replicas: 2, version: 'new', keepsForeignNetwork: true }
  }
  const open = async (): Promise<Stage> => {
    const legacy = await LegacyInstallation.create(docker)
    const name = legacy.nameOf('moved')
    legacy.write(name, { image, replicas: 2 })
    const lent = free.pop() ?? subnet()
    await legacy.run(name, { image, replicas: 2, subnet: lent })
    const env = { FUNCTIONS_NETWORK: legacy.base }
    const { databasePath } = legacy
    const on = await Installation.create({ docker, functionName: name, databasePath, env })
    return {
      on,
      close: async () => {
        await on.close()
        await legacy.clear()
        free.push(lent)
      }
    }
  }
  return { scenarios: [scenario], open, isRound: false }
}
