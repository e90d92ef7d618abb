import { expect } from 'chai'
import { ownerLabels } from '../../api/labels.ts'
import { EndpointTable } from '../../src/gateway/endpoints.ts'
import { legacyLabels } from '../../test/helpers/legacy.ts'
import { onEngineEvent } from './events.ts'

function happened(action: string, labels: Record<string, string>): string[] {
  const told: string[] = []
  const deps = {
    instance: 'mine',
    functionsNetwork: 'net',
    endpoints: {
      drop: (key: string, id: string) => {
        told.push(`drop ${id} of ${key}`)
      },
      pause: (key: string, id: string) => {
        told.push(`pause ${id} of ${key}`)
      },
      routes: () => [].values()
    },
    add: (key: string) => {
      told.push(`look at ${key}`)
    }
  }
  onEngineEvent(deps, { kind: 'container', action, id: 'id-1', labels })
  return told
}

describe('onEngineEvent', () => {
  it('K9: looks at the function whose replica was attached to a network that is not its own', () => {
    const endpoints = new EndpointTable()
    const key = 'team/hello'
    endpoints.put({ key, uid: 'u', replicas: 1, endpoints: [{ containerId: 'id-1', host: '10.0.0.2', port: 8080 }] })
    const told: string[] = []
    const deps = { instance: 'mine', functionsNetwork: 'net', endpoints, add: (added: string) => told.push(added) }
    onEngineEvent(deps, { kind: 'network', action: 'connect', name: 'foreign', container: 'id-1' })
    onEngineEvent(deps, { kind: 'network', action: 'connect', name: 'foreign', container: 'id-2' })
    expect(told).to.deep.equal([key])
  })

  const owned = (instance: string) =>
    ownerLabels({ instance, namespace: 'team', name: 'hello', uid: 'u', generation: 1 }, 'replica')

  it('takes a container that died out of the endpoint table, and looks at its function', () => {
    expect(happened('die', owned('mine'))).to.deep.equal(['drop id-1 of team/hello', 'look at team/hello'])
  })

  it('takes a container that was paused out of those that take calls, so that it can be thawed', () => {
    expect(happened('pause', owned('mine'))).to.deep.equal(['pause id-1 of team/hello', 'look at team/hello'])
  })

  it('only looks when the container may live on', () => {
    expect(happened('kill', owned('mine'))).to.deep.equal(['look at team/hello'])
  })

  it('heeds containers of the older program, which carry no instance', () => {
    const labels = legacyLabels('hello', 0, 'net-hello')
    expect(happened('die', labels)).to.deep.equal(['drop id-1 of openfaas-fn/hello', 'look at openfaas-fn/hello'])
  })

  it('does not heed containers of other instances, whatever else they carry, nor of strangers', () => {
    expect(happened('die', { ...legacyLabels('hello', 0, 'net-hello'), ...owned('other') })).to.deep.equal([])
    expect(happened('die', { 'com.docker-faas.function': 'hello' })).to.deep.equal([])
  })
})
