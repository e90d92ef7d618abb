import { createServer } from 'node:net'
import { DockerEngine } from '../../src/engine/docker.ts'
import { importImage, useTestRun } from '../helpers/docker-run.ts'
import { describeEngine } from '../helpers/engine-contract.ts'

describe('the Docker engine', function () {
  this.timeout(20_000)
  const run = useTestRun()

  describeEngine('DockerEngine', () => {
    const { docker, host, instance, labels, prefix, image, subnet } = run()
    return {
      engine: new DockerEngine({ host }),
      labels,
      prefix,
      image,
      subnet,
      pause: async name => docker.getContainer(name).pause(),
      addImage: async reference => {
        await importImage(docker, reference, instance, '["/bin/sh", "/entry"]')
        return (await docker.getImage(reference).inspect()).Id
      },
      addTag: async (imageId, reference) => {
        const [repo = '', tag = ''] = reference.split(':')
        await docker.getImage(imageId).tag({ repo, tag })
      },
      addVolume: async (Name, Labels) => {
        await docker.createVolume({ Name, Labels: { ...Labels } })
      },
      freePort
    }
  })
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise(resolve => server.close(resolve))
  return port
}
