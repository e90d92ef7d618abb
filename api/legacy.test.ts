import { expect } from 'chai'
import { aFunction } from '../test/helpers/builders.ts'
import { legacyLabels, legacyNetworkLabels } from '../test/helpers/legacy.ts'
import { heirOf, inherits, isLegacyNetwork, legacyFunctionOf, legacyReplicaOf } from './legacy.ts'

const NETWORK = 'docker-faas-net-hello'
const labels = legacyLabels('hello', 0, NETWORK)

describe('containers and networks of the older program', () => {
  it('are known by all of its labels and the name that follows from them, moved aside or not', () => {
    const replica = { functionName: 'hello', ordinal: 0, networkName: NETWORK }
    expect(legacyReplicaOf({ name: 'hello-0', labels })).to.deep.equal(replica)
    expect(legacyReplicaOf({ name: 'hello-0-legacy', labels })).to.deep.equal(replica)
    expect(legacyFunctionOf(labels)).to.equal('hello')
    expect(isLegacyNetwork(legacyNetworkLabels('hello'), 'hello')).to.equal(true)
  })

  for (const key of Object.keys(labels)) {
    it(`are strangers without ${key}`, () => {
      const { [key]: _, ...rest } = labels
      expect(legacyReplicaOf({ name: 'hello-0', labels: rest })).to.equal(undefined)
      expect(legacyFunctionOf(rest)).to.equal(undefined)
    })
  }

  it('are strangers under any other name, or with another type or replica', () => {
    for (const name of ['hello', 'hello-1', 'hello-0-aaaaaaaa', 'other-0']) {
      expect(legacyReplicaOf({ name, labels }), name).to.equal(undefined)
    }
    for (const wrong of [{ 'com.docker-faas.type': 'gateway' }, { 'com.docker-faas.replica': 'x' }]) {
      expect(legacyReplicaOf({ name: 'hello-0', labels: { ...labels, ...wrong } })).to.equal(undefined)
    }
  })

  it('are not what any instance of ours owns, whatever labels a user put on it', () => {
    const owned = { 'com.docker-faas.instance': 'other' }
    expect(legacyReplicaOf({ name: 'hello-0', labels: { ...labels, ...owned } })).to.equal(undefined)
    expect(isLegacyNetwork({ ...legacyNetworkLabels('hello'), ...owned }, 'hello')).to.equal(false)
  })

  it('are not the network of another function, nor the base network', () => {
    expect(isLegacyNetwork(legacyNetworkLabels('other'), 'hello')).to.equal(false)
    const base = { ...legacyNetworkLabels('hello'), 'com.docker-faas.network.type': 'base' }
    expect(isLegacyNetwork(base, 'hello')).to.equal(false)
  })

  it('go to the function of that name, on its own network or on the one that its row names', () => {
    const replica = { functionName: 'hello', ordinal: 0, networkName: NETWORK }
    expect(inherits(heirOf(aFunction(), 'docker-faas-net'), replica)).to.equal(true)
    expect(inherits(heirOf(aFunction(), 'other-net'), replica)).to.equal(false)
    expect(inherits(heirOf(aFunction({ network: NETWORK }), 'other-net'), replica)).to.equal(true)
    expect(inherits(heirOf(aFunction({ name: 'other' }), 'docker-faas-net'), replica)).to.equal(false)
  })

  it('keep the dot that old names could have', () => {
    const dotted = { functionName: 'hello.team', ordinal: 0, networkName: 'docker-faas-net-hello.team' }
    expect(inherits(heirOf(aFunction({ namespace: 'team' }), 'docker-faas-net'), dotted)).to.equal(true)
  })
})
