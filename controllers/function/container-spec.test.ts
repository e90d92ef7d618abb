import { expect } from 'chai'
import { aDesired, aFunction, POLICY } from '../../test/helpers/builders.ts'
import { containerSpec } from './container-spec.ts'
import { desiredOf } from './desired.ts'
import { networkSizeOf } from './network-spec.ts'

const PORTS = [{ containerPort: 9229, address: '127.0.0.1', hostPort: 20_001 }]

type Overrides = Parameters<typeof aFunction>[0]

function specOf(overrides: Overrides = {}) {
  const fn = aFunction(overrides)
  const { image } = aDesired({ fn })
  const desired = desiredOf(fn, { image, restarts: [] }, POLICY)
  return containerSpec(fn, desired, {
    ordinal: 2,
    image: 'hello:1',
    hash: 'cafecafe',
    ports: overrides.debug ? PORTS : []
  })
}

describe('containerSpec', () => {
  it('says everything that a plain function needs and nothing more', () => {
    expect(specOf({ env: { A: '1' }, envProcess: 'cat' })).to.deep.equal({
      name: 'hello-2',
      image: 'hello:1',
      labels: {
        'com.docker.compose.project': 'test',
        'com.docker.compose.service': 'hello',
        'com.docker-faas.instance': 'test',
        'com.docker-faas.namespace': 'openfaas-fn',
        'com.docker-faas.function': 'hello',
        'com.docker-faas.uid': 'uid-1',
        'com.docker-faas.generation': '1',
        'com.docker-faas.role': 'replica',
        'com.docker-faas.spec-hash': 'cafecafe',
        'com.docker-faas.ordinal': '2'
      },
      env: { OPENFAAS_NAME: 'hello', OPENFAAS_NAMESPACE: 'openfaas-fn', fprocess: 'cat', A: '1' },
      network: 'test-net-hello',
      memoryBytes: 0,
      memoryReservationBytes: 0,
      nanoCpus: 0,
      cpuShares: 0,
      pidsLimit: 512,
      readOnlyRootFilesystem: false,
      tmpfs: {},
      ports: [],
      logMaxBytes: 10 * 2 ** 20
    })
  })

  it('never lets user labels stand in for the identity, and keeps those of the autoscaler off', () => {
    const labels = { team: 'a', 'com.openfaas.scale.min': '2', 'com.docker.compose.project': 'mine' }
    const spec = specOf({ labels: { ...labels, 'com.docker-faas.uid': 'forged' } })
    expect(spec.labels).to.include({ team: 'a', 'com.docker-faas.uid': 'uid-1', 'com.docker.compose.project': 'mine' })
    expect(spec.labels).not.to.have.property('com.openfaas.scale.min')
  })

  it('gives the limits in the engine’s units, and at least the memory that the engine takes', () => {
    const spec = specOf({ limits: { memory: '5Mi', cpu: '500m' }, requests: { memory: '64Mi', cpu: '250m' } })
    expect(spec).to.include({
      memoryBytes: 6 * 2 ** 20,
      nanoCpus: 5e8,
      memoryReservationBytes: 6 * 2 ** 20,
      cpuShares: 256
    })
    const reserved = (requests: object, limits = {}) => specOf({ requests, limits }).memoryReservationBytes
    expect(reserved({ memory: '5Mi' })).to.equal(6 * 2 ** 20)
    expect(reserved({ memory: '5Mi' }, { memory: '64Mi' })).to.equal(6 * 2 ** 20)
    expect(reserved({ memory: '8Mi' })).to.equal(8 * 2 ** 20)
    expect(reserved({ cpu: '100m' })).to.equal(0)
  })

  it('gives a read-only root a small writable /tmp', () => {
    expect(specOf({ readOnlyRootFilesystem: true })).to.deep.include({
      readOnlyRootFilesystem: true,
      tmpfs: { '/tmp': 64 * 2 ** 20 }
    })
  })

  it('binds the debug ports that were leased, and says so on its label', () => {
    const { ports, labels } = specOf({ debug: true })
    expect(ports).to.deep.equal(PORTS)
    expect(labels).to.include({ 'com.docker-faas.debug-ports': '127.0.0.1 9229:20001' })
  })

  it('names containers of other namespaces after both', () => {
    expect(specOf({ namespace: 'team-a' })).to.include({ name: 'hello.team-a-2', network: 'test-net-hello.team-a' })
  })
})

describe('networkSizeOf', () => {
  it('fits the default maximum of 10 replicas and its surge in a /28', () => {
    expect(networkSizeOf(aFunction(), POLICY)).to.equal(12)
  })

  it('follows the function’s own maximum', () => {
    expect(networkSizeOf(aFunction({ labels: { 'com.openfaas.scale.max': '40' } }), POLICY)).to.equal(50)
    expect(networkSizeOf(aFunction({ labels: { 'com.openfaas.scale.max': 'many' } }), POLICY)).to.equal(12)
  })
})
