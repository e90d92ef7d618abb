import { describeContainers } from './engine-contract-containers.ts'
import { describeImages } from './engine-contract-images.ts'
import { describeWhole } from './engine-contract-info.ts'
import { describeLogs } from './engine-contract-logs.ts'
import { describeNetworks } from './engine-contract-networks.ts'
import { describeSecrets } from './engine-contract-secrets.ts'
import { ContractWorld, type EngineUnderTest } from './engine-contract-world.ts'

/** What holds for every `Engine`: run against the real one and against the fake, so that the fake stays honest. */
export function describeEngine(name: string, setUp: () => EngineUnderTest): void {
  describe(`${name} keeps the engine's contract`, () => {
    const world = new ContractWorld(setUp)
    beforeEach(() => world.begin())
    afterEach(() => world.end())

    describeWhole(world)
    describeContainers(world)
    describeLogs(world)
    describeNetworks(world)
    describeSecrets(world)
    describeImages(world)
  })
}
