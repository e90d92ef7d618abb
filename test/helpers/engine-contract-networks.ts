import { createHash } from 'node:crypto'
import { expect } from 'chai'
import { type ContractWorld, rejects } from './engine-contract-world.ts'
import { eventually } from './eventually.ts'

/** What holds for networks. */
export function describeNetworks(t: ContractWorld): void {
  const { aName, aNetwork, create, run, inspect } = t

  describe('networks', () => {
    it('are found by name, with subnet, labels and no members', async () => {
      const subnet = t.under.subnet()
      const name = aName()
      const id = await t.engine.createNetwork({ name, labels: t.labels, subnet })
      t.keepNetwork(id)
      const found = await t.engine.inspectNetwork(name)
      expect(found).to.include({ id, name })
      expect(found?.subnets).to.deep.equal([subnet])
      expect(found?.labels).to.include(t.labels)
      expect(found?.members).to.deep.equal([])
      expect((await t.engine.listNetworks()).find(n => n.id === id)?.subnets).to.deep.equal([subnet])
    })

    it('lead out of the host, unless they have a bridge of their own', async () => {
      const name = aName()
      const closedBridge = `dfi-${createHash('sha256').update(name).digest('hex').slice(0, 10)}`
      t.keepNetwork(await t.engine.createNetwork({ name, labels: t.labels, subnet: t.under.subnet(), closedBridge }))
      expect((await t.engine.inspectNetwork(name))?.closedBridge).to.equal(closedBridge)
      expect((await t.engine.listNetworks()).find(n => n.name === name)?.closedBridge).to.equal(closedBridge)
      expect(await t.engine.inspectNetwork(t.network)).to.not.have.property('closedBridge')
    })

    it('are not found by a part of their name', async () => {
      expect(await t.engine.inspectNetwork(t.network.slice(0, -1))).to.equal(undefined)
    })

    it('have names that are taken once', async () => {
      const again = { name: t.network, labels: t.labels, subnet: t.under.subnet() }
      await rejects('name-in-use', t.engine.createNetwork(again))
    })

    it('N4: do not overlap', async () => {
      const [subnet = ''] = (await t.engine.inspectNetwork(t.network))?.subnets ?? []
      await rejects('subnet-overlap', t.engine.createNetwork({ name: aName(), labels: t.labels, subnet }))
    })

    it('list the running containers that are attached, and are busy meanwhile', async () => {
      const { id, name } = await run()
      await create()
      const found = await t.engine.inspectNetwork(t.network)
      expect(found?.members).to.deep.equal([id])
      await rejects('busy', t.engine.removeNetwork(found?.id ?? ''))
      await t.engine.removeContainer(name)
      await eventually(() => t.engine.removeNetwork(found?.id ?? ''))
    })

    it('are removed, and removing again is done', async () => {
      const id = (await t.engine.inspectNetwork(t.network))?.id ?? ''
      await t.engine.removeNetwork(id)
      await t.engine.removeNetwork(id)
      expect(await t.engine.inspectNetwork(t.network)).to.equal(undefined)
    })

    it('N7: take and let go of a running container, twice as well as once', async () => {
      const { id, name } = await run()
      const second = await aNetwork()
      await t.engine.connectNetwork(second, name)
      await t.engine.connectNetwork(second, name)
      expect((await t.engine.inspectNetwork(second))?.members).to.deep.equal([id])
      expect((await inspect(name)).networks[second]?.ipAddress).to.not.equal('')
      await t.engine.disconnectNetwork(second, name)
      await t.engine.disconnectNetwork(second, name)
      expect((await t.engine.inspectNetwork(second))?.members).to.deep.equal([])
      expect(Object.keys((await inspect(name)).networks)).to.deep.equal([t.network])
    })

    it('cannot take what is not there, but can let go of it', async () => {
      const { name } = await run()
      await rejects('not-found', t.engine.connectNetwork(t.network, aName()))
      await rejects('not-found', t.engine.connectNetwork(aName(), name))
      await t.engine.disconnectNetwork(t.network, aName())
      await t.engine.disconnectNetwork(aName(), name)
    })
  })
}
