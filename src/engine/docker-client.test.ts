import { inspect } from 'node:util'
import { expect } from 'chai'
import type Docker from 'dockerode'
import { callAgent, connectDocker, streamAgent } from './docker-client.ts'

describe('the agents of the engine’s client', () => {
  it('cost nothing to describe, as docker-modem does with each request', () => {
    for (const agent of [callAgent(), streamAgent()]) {
      const request = { path: '/containers/json', agent, headers: {} }
      expect(inspect(request, { showHidden: true, depth: null }).length).to.be.at.most(200)
      agent.destroy()
    }
  })
})

describe('the client of the engine', () => {
  const docker = connectDocker('unix:///nonexistent/docker.sock', streamAgent())
  const told = (call: Promise<unknown>) => call.then(String, String)

  it('S13: makes no call that is not in the table, and says where that is', async () => {
    expect(await told(docker.getContainer('x').top())).to.match(
      /GET \/containers\/x\/top is not in the table .*: add it to src\/engine\/docker-endpoints\.ts/
    )
  })

  it('S13: makes no container that its own socket proxy would refuse', async () => {
    const body = { Image: 'x', HostConfig: { Privileged: true } }
    const request = { _query: {}, _body: body } as unknown as Docker.ContainerCreateOptions
    expect(await told(docker.createContainer(request))).to.match(/HostConfig\.Privileged .*docker-bodies\.ts/)
  })
})
