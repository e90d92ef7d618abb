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

  describe('suspend', () => {
    const OTHER = { ...ENDPOINT, containerId: 'c2' }
    let table: EndpointTable
    const ids = () => table.get(KEY)?.endpoints.map(e => e.containerId)
    beforeEach(() => {
      table = new EndpointTable()
      table.put(aRoute({ endpoints: [ENDPOINT, OTHER] }))
      table.suspend(KEY, 'c1')
      expect(ids()).to.deep.equal(['c2'])
    })

    it('D3: keeps an endpoint out until it is resumed, also when the route is declared anew meanwhile', () => {
      const route = table.get(KEY) as Route
      table.put({ ...route, replicas: 3 })
      table.resume(KEY, 'c1')
      expect(ids()).to.deep.equal(['c2', 'c1'])
      table.resume(KEY, 'c1')
      expect(ids()).to.deep.equal(['c2', 'c1'])
    })

    it('D3: keeps the last one of a function out and brings it back', () => {
      table.suspend(KEY, 'c2')
      expect(ids()).to.deep.equal([])
      table.resume(KEY, 'c2')
      expect(ids()).to.deep.equal(['c2'])
    })

    it('brings nothing back after somebody has looked, or the container died, or the function went', () => {
      for (const happens of [
        () => table.put(aRoute({ endpoints: [OTHER] })),
        () => table.drop(KEY, 'c1'),
        () => table.retire(KEY, 'uid-1'),
        () => table.remove(KEY)
      ]) {
        table.put(aRoute({ uid: 'uid-1', endpoints: [ENDPOINT, OTHER] }))
        table.suspend(KEY, 'c1')
        happens()
        table.resume(KEY, 'c1')
        expect(ids() ?? []).to.not.include('c1')
        table.remove(KEY)
      }
    })
  })
})
