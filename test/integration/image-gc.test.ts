import { expect } from 'chai'
import { useTestRun } from '../helpers/docker-run.ts'
import { eventually } from '../helpers/eventually.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { Registry } from '../helpers/registry.ts'

const SOON = { timeoutMs: 20_000 }

describe('unused images on a real engine', function () {
  this.timeout(60_000)
  const run = useTestRun()
  let registry: Registry
  let gateway: TestGateway

  before(async function () {
    this.timeout(300_000)
    registry = await Registry.start()
    gateway = await TestGateway.start({ IMAGE_GC_GRACE: '1s', GC_INTERVAL: '1s' })
  })
  after(async () => {
    await gateway?.close()
    await registry?.[Symbol.asyncDispose]()
  })

  const images = async () => (await gateway.docker.listImages()).flatMap(image => image.RepoTags ?? [])
  const plan = async () => JSON.parse((await gateway.call('GET', '/v1/plan')).text).garbage

  /** Has it pulled for a function, whose deletion is over when this ends. */
  async function pullAndDelete(reference: string): Promise<void> {
    await gateway.apply('passing', { image: reference })
    await eventually(async () => expect(await images()).to.include(reference), SOON)
    await gateway.call('DELETE', '/v1/functions/passing')
    await eventually(
      async () => expect((await gateway.call('GET', '/v1/functions/passing')).status).to.equal(404),
      SOON
    )
  }

  it('are removed after the grace when the gateway pulled them; what a person pulled or named stays', async () => {
    const [own, persons] = [registry.reference('team/own:1'), registry.reference('team/persons:1')]
    await registry.push('team/own:1', 'own')
    const digest = await registry.push('team/persons:1', 'persons')
    const stream = await gateway.docker.pull(persons)
    await new Promise(resolve => gateway.docker.modem.followProgress(stream, resolve))
    await pullAndDelete(own)
    await pullAndDelete(persons)
    await eventually(async () => expect(await images()).to.not.include(own), SOON)
    expect(await images()).to.include(persons)
    expect((await gateway.docker.getImage(digest).inspect()).RepoTags).to.include(persons)
    expect(await images()).to.include(run().image)
    // It is counted when the engine has answered, and so after it is gone.
    await eventually(async () => expect(await gateway.metrics()).to.match(/faas_gc_collected_total\{kind="image"\} 1/))
    expect((await gateway.call('GET', '/v1/events')).text)
      .to.contain('ImageCollected')
      .and.to.contain(own)
    expect(gateway.log.join('')).to.contain('Collected image')
    expect((await plan()).filter((entry: { kind: string }) => entry.kind === 'image')).to.deep.equal([])
  })

  it('stay and are told in the plan when somebody else named them, and go when that name does', async () => {
    const reference = registry.reference('team/shared:1')
    await registry.push('team/shared:1', 'shared')
    await gateway.apply('keeper', { image: reference })
    await eventually(async () => expect(await images()).to.include(reference), SOON)
    await registry.tag(reference, 'team/shared:mine')
    await gateway.call('DELETE', '/v1/functions/keeper')
    await eventually(async () => {
      expect(await plan()).to.deep.include({ kind: 'image', name: reference, owner: '', verdict: 'named-by-others' })
    }, SOON)
    expect(await images()).to.include(reference)
    await gateway.docker.getImage(registry.reference('team/shared:mine')).remove()
    await eventually(async () => expect(await images()).to.not.include(reference), SOON)
  })
})
