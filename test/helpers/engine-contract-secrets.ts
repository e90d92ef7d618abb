import { expect } from 'chai'
import { type ContractWorld, rejects } from './engine-contract-world.ts'
import { eventually } from './eventually.ts'

/** What holds for volumes, and the secrets in them. */
export function describeSecrets(t: ContractWorld): void {
  const { aName, create, inspect } = t

  describe('volumes', () => {
    it('are listed by label and removed, twice as well as once', async () => {
      const name = aName()
      await t.under.addVolume(name, { ...t.labels, kind: 'volume' })
      const [found, ...others] = await t.engine.listVolumes({ ...t.labels, kind: 'volume' })
      expect(others).to.deep.equal([])
      expect(found?.name).to.equal(name)
      expect(found?.labels).to.include(t.labels)
      await t.engine.removeVolume(name)
      await t.engine.removeVolume(name)
      expect(await t.engine.listVolumes({ ...t.labels, kind: 'volume' })).to.deep.equal([])
    })

    it('are inspected by name, and undefined when they are not there', async () => {
      const name = aName()
      expect(await t.engine.inspectVolume(name)).to.equal(undefined)
      await t.under.addVolume(name, { ...t.labels, color: 'blue' })
      expect((await t.engine.inspectVolume(name))?.labels).to.include({ color: 'blue' })
      await t.engine.removeVolume(name)
    })
  })

  describe('secrets', () => {
    const files = [
      { name: 'a', value: Buffer.from('one') },
      { name: 'b.txt', value: Buffer.alloc(0) }
    ]
    const mount = (access: 'read' | 'write', volume = `${aName()}-secrets-0123abcd`) => ({
      ...{ volume, access },
      labels: { ...t.labels, kind: 'secrets' }
    })
    const removed = (volume: string) => eventually(() => t.engine.removeVolume(volume))

    it('have a volume, made with its labels when the first container of it is', async () => {
      const secrets = mount('write')
      const { id, name } = await create({ secrets })
      expect((await t.engine.inspectVolume(secrets.volume))?.labels).to.include(secrets.labels)
      expect((await inspect(id)).secretsVolume).to.equal(secrets.volume)
      const [listed] = (await t.engine.listContainers(t.labels)).filter(container => container.name === name)
      expect(listed?.secretsVolume).to.equal(secrets.volume)
      await create({ secrets: { ...secrets, labels: { other: 'label' } } })
      expect((await t.engine.inspectVolume(secrets.volume))?.labels).to.include(secrets.labels)
      expect((await t.engine.inspectVolume(secrets.volume))?.labels).to.not.have.property('other')
    })

    it('are whole when they are written, for every container of the volume', async () => {
      const secrets = mount('write')
      const loader = await create({ secrets, readOnlyRootFilesystem: false })
      expect(await t.engine.hasSecrets(loader.name)).to.equal(false)
      await t.engine.writeSecrets(loader.name, files)
      expect(await t.engine.hasSecrets(loader.name)).to.equal(true)
      const reader = await create({ secrets: { ...secrets, access: 'read' } })
      expect(await t.engine.hasSecrets(reader.id)).to.equal(true)
      await t.engine.startContainer(reader.id)
      expect(await t.engine.hasSecrets(reader.id)).to.equal(true)
    })

    it('of none are whole as well, once they are written', async () => {
      const { id } = await create({ secrets: mount('write'), readOnlyRootFilesystem: false })
      await t.engine.writeSecrets(id, [])
      expect(await t.engine.hasSecrets(id)).to.equal(true)
    })

    it('are not there without a volume, or a container', async () => {
      const { id } = await create()
      expect(await t.engine.hasSecrets(id)).to.equal(false)
      expect(await t.engine.hasSecrets(aName())).to.equal(false)
      expect((await inspect(id)).secretsVolume).to.equal(undefined)
      await rejects('not-found', t.engine.writeSecrets(aName(), files))
    })

    it('keep their volume as long as a container has it mounted, also one that never ran', async () => {
      const secrets = mount('read')
      const { id } = await create({ secrets })
      await rejects('busy', t.engine.removeVolume(secrets.volume))
      await t.engine.removeContainer(id)
      await removed(secrets.volume)
      expect(await t.engine.inspectVolume(secrets.volume)).to.equal(undefined)
    })

    it('S26: are not what an image has at their path, and take its place', async () => {
      const reference = `docker-faas-test/${aName()}:1`
      await t.under.addImage(reference, { volume: '/var/openfaas/secrets' })
      const plain = await create({ image: reference })
      expect((await inspect(plain.id)).secretsVolume).to.equal(undefined)
      const own = (await t.engine.listContainers(t.labels)).find(({ name }) => name === plain.name)
      expect(own).to.not.have.property('secretsVolume')
      const secrets = mount('write')
      const { id } = await create({ image: reference, secrets, readOnlyRootFilesystem: false })
      expect((await inspect(id)).secretsVolume).to.equal(secrets.volume)
      await t.engine.writeSecrets(id, files)
      const reader = await create({ image: reference, secrets: { ...secrets, access: 'read' } })
      expect((await inspect(reader.id)).secretsVolume).to.equal(secrets.volume)
      expect(await t.engine.hasSecrets(reader.id)).to.equal(true)
    })

    it('outlive their containers', async () => {
      const secrets = mount('write')
      const first = await create({ secrets, readOnlyRootFilesystem: false })
      await t.engine.writeSecrets(first.id, files)
      await t.engine.removeContainer(first.id)
      const { id } = await create({ secrets: { ...secrets, access: 'read' } })
      expect(await t.engine.hasSecrets(id)).to.equal(true)
    })
  })
}
