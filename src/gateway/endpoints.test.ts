import { expect } from 'chai'
import { EndpointTable, type Route } from './endpoints.ts'

const KEY = 'ns/fn'
const ENDPOINT = { containerId: 'c1', host: '10.0.0.2', port: 8080 }

function aRoute(overrides: Partial<Route> = {}): Route {
  return { key: KEY, uid: 'uid-1', replicas: 1, endpoints: [ENDPOINT], ...overrides }
}

describe('EndpointTable', () => {
  it('gives what was put last, and tells of every change', () => {
    const table = new EndpointTable()
    const told: (number | undefined)[] = []
    table.onChange((_key, route) => told.push(route?.endpoints.length))
    table.put(aRoute())
    table.drop(KEY, 'c1')
    table.drop(KEY, 'c1')
    table.remove(KEY)
    table.remove(KEY)
    expect(told).to.deep.equal([1, 0, undefined])
    expect(table.get(KEY)).to.equal(undefined)
  })

  it('takes nothing more for a retired object, and everything for the next one of that name', () => {
    const table = new EndpointTable()
    table.put(aRoute())
    table.retire(KEY, 'uid-1')
    expect(table.get(KEY)).to.equal(undefined)
    table.put(aRoute())
    expect(table.get(KEY)).to.equal(undefined)
    table.put(aRoute({ uid: 'uid-2', endpoints: [] }))
    expect(table.get(KEY)).to.deep.equal(aRoute({ uid: 'uid-2', endpoints: [] }))
  })

  it('leaves the route of a newer object alone when the old one is retired late', () => {
    const table = new EndpointTable()
    table.put(aRoute({ uid: 'uid-2' }))
    table.retire(KEY, 'uid-1')
    expect(table.get(KEY)?.uid).to.equal('uid-2')
  })
})
