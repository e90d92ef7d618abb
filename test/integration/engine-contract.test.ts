import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { createDockerEngine } from '../../src/engine/docker.ts'
import { importImage, useTestRun } from '../helpers/docker-run.ts'
import { describeEngine } from '../helpers/engine-contract.ts'
import { freePort } from '../helpers/free-port.ts'

describe('the Docker engine', () => {
  const run = useTestRun()

  describeEngine('DockerEngine', () => {
    const { docker, host, instance, labels, prefix, image, subnet } = run()
    return {
      engine: createDockerEngine({ host }),
      labels,
      prefix,
      image,
      subnet,
      pause: async name => docker.getContainer(name).pause(),
      addImage: async (reference, options) => {
        await importImage(docker, reference, instance, '["/bin/sh", "/entry"]', options)
        return (await docker.getImage(reference).inspect()).Id
      },
      addTag: async (imageId, reference) => {
        const [repo = '', tag = ''] = reference.split(':')
        await docker.getImage(imageId).tag({ repo, tag })
      },
      addVolume: async (Name, Labels) => {
        await docker.createVolume({ Name, Labels: { ...Labels } })
      },
      freePort,
      holdPort
    }
  })
})

async function holdPort(port: number): Promise<() => Promise<void>> {
  const server = await listen(port)
  return () => end(server)
}

async function listen(port: number): Promise<Server> {
  const server = createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}

async function end(server: Server): Promise<void> {
  server.close()
  await once(server, 'close')
}
