import { inspect } from 'node:util'
import { expect } from 'chai'
import { callAgent, streamAgent } from './docker-client.ts'

describe('the agents of the engine’s client', () => {
  it('cost nothing to describe, as docker-modem does with each request', () => {
    for (const agent of [callAgent(), streamAgent()]) {
      const request = { path: '/containers/json', agent, headers: {} }
      expect(inspect(request, { showHidden: true, depth: null }).length).to.be.at.most(200)
      agent.destroy()
    }
  })
})
