import { expect } from 'chai'
import { leftOf, listObjects } from '../../hack/test-objects.ts'
import { useTestRun } from '../helpers/docker-run.ts'

describe('what a test run has on the engine', () => {
  const run = useTestRun()

  it('is found by its mark, in a label or a name: containers, networks, volumes and images', async () => {
    const { docker, instance, prefix, labels, image, brokenImage, subnet } = run()
    const made = await docker.createContainer({ name: `${prefix}c`, Image: image, Labels: { ...labels } })
    const IPAM = { Config: [{ Subnet: subnet() }] }
    const network = await docker.createNetwork({ Name: `${prefix}n`, IPAM })
    await docker.createVolume({ Name: `${prefix}v`, Labels: { ...labels } })
    try {
      expect(leftOf(await listObjects(docker), instance)).to.have.members([
        ...[`container ${prefix}c`, `network ${prefix}n`, `volume ${prefix}v`],
        ...[`image ${image}`, `image ${brokenImage}`]
      ])
      await made.remove()
    } finally {
      await network.remove()
    }
    expect(leftOf(await listObjects(docker), instance)).to.have.length(3)
  })
})
