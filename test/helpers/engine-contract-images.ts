import { expect } from 'chai'
import { type ContractWorld, rejects } from './engine-contract-world.ts'

/** What holds for images. */
export function describeImages(t: ContractWorld): void {
  const { aName, create } = t

  describe('images', () => {
    it('are found by reference and by id', async () => {
      const found = await t.engine.inspectImage(t.under.image)
      expect(found?.id).to.match(/^sha256:[0-9a-f]{64}$/)
      expect(await t.engine.inspectImage(found?.id ?? '')).to.deep.equal(found)
    })

    it('that are not there are undefined, also when their name looks like an id', async () => {
      const found = await t.engine.inspectImage(t.under.image)
      expect(await t.engine.inspectImage('docker-faas-test/missing')).to.equal(undefined)
      expect(await t.engine.inspectImage(found?.id.slice(7, 19) ?? '')).to.equal(undefined)
    })
  })

  describe('images that are listed and removed', () => {
    let reference: string
    let id: string
    beforeEach(async () => {
      reference = `docker-faas-test/${aName()}:1`
      id = await t.under.addImage(reference)
    })
    afterEach(() => t.engine.removeImage(id))

    const find = async () => (await t.engine.listImages()).find(image => image.id === id)

    it('say as whom their processes run', async () => {
      expect((await t.engine.inspectImage(id))?.user).to.equal('')
      const other = await t.under.addImage(`docker-faas-test/${aName()}:1`, { user: '1000:1000' })
      expect((await t.engine.inspectImage(other))?.user).to.equal('1000:1000')
      await t.engine.removeImage(other)
    })

    it('are listed with their tags', async () => {
      const other = `docker-faas-test/${aName()}:2`
      await t.under.addTag(id, other)
      const found = await find()
      expect(found?.tags.map(tag => tag.replace('docker.io/', '')).toSorted()).to.deep.equal([reference, other])
      expect(found?.sizeBytes).to.be.at.least(0)
      await t.engine.removeImage(other)
      expect((await find())?.tags).to.have.length(1)
      expect((await t.engine.inspectImage(reference))?.id).to.equal(id)
    })

    it('are removed by their last tag or their id, and removing again is done', async () => {
      await t.engine.removeImage(reference)
      expect(await find()).to.equal(undefined)
      await t.engine.removeImage(reference)
      id = await t.under.addImage(reference)
      await t.engine.removeImage(id)
      expect(await t.engine.inspectImage(reference)).to.equal(undefined)
      await t.engine.removeImage(id)
    })

    it('are busy by id while they have several tags', async () => {
      const other = `docker-faas-test/${aName()}:2`
      await t.under.addTag(id, other)
      await rejects('busy', t.engine.removeImage(id))
      await t.engine.removeImage(other)
    })

    it('are busy while a container is made of them, though it never ran', async () => {
      const container = await create({ image: reference })
      await rejects('busy', t.engine.removeImage(reference))
      await rejects('busy', t.engine.removeImage(id))
      await t.engine.removeContainer(container.id)
    })
  })
}
