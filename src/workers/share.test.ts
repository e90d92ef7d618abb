import { expect } from 'chai'
import fc from 'fast-check'
import { loadConfig } from '../config/load.ts'
import { configShare, routeShare } from './share.ts'

const route = { key: 'ns/a', uid: 'u', replicas: 1, endpoints: [] }

describe('what a worker has of a bound', () => {
  it('adds up to the calls that a replica may have, with one for each worker at least', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 8 }), (maxInflight, of) => {
        const shares = Array.from({ length: of }, (_, i) => {
          const shared = routeShare({ ...route, settings: { maxInflight } }, { worker: i + 1, of })
          return shared.settings?.maxInflight ?? 0
        })
        expect(shares.reduce((sum, share) => sum + share, 0)).to.equal(Math.max(maxInflight, of))
        expect(Math.min(...shares)).to.be.at.least(1)
      })
    )
  })

  it('leaves a route without a bound as it is', () => {
    expect(routeShare(route, { worker: 1, of: 2 })).to.equal(route)
  })

  it('is at least its part of what bounds the gateway, and no bound stays none', () => {
    const config = loadConfig({ GATEWAY_WORKERS: '3', MAX_CONNECTIONS: '100', FUNCTION_CALLS_MAX: '0' })
    const share = configShare(config)
    expect([share.MAX_CONNECTIONS, share.FUNCTION_CALLS_MAX]).to.deep.equal([34, 0])
    expect(JSON.parse(JSON.stringify(config)), 'as JSON has it').to.deep.equal(config)
  })
})
