import { expect } from 'chai'
import type Docker from 'dockerode'
import * as translate from './docker-translate.ts'
import { pickNetwork } from './pick-network.ts'

const NEVER = '0001-01-01T00:00:00Z'

/** As little as an engine may say: fields that some version leaves out or writes as null are missing. */
const sparse = {
  Id: 'c1',
  Name: '/hello-0',
  Created: '2026-01-02T03:04:05.123456789Z',
  Image: 'sha256:1',
  State: { Status: 'created', ExitCode: 0, StartedAt: NEVER, FinishedAt: NEVER },
  Config: { Labels: null },
  HostConfig: {},
  NetworkSettings: {}
} as unknown as Docker.ContainerInspectInfo

describe('toContainer', () => {
  it('tells a memory limit that the engine discarded from none', () => {
    const inspected = (Memory: number, MemorySwap: number) =>
      translate.toContainer({ ...sparse, HostConfig: { ...sparse.HostConfig, Memory, MemorySwap } })
    expect(inspected(0, -1)).to.include({ memoryBytes: 0, memoryUnlimitable: true })
    expect(inspected(0, 0)).to.not.have.property('memoryUnlimitable')
    expect(inspected(1024, -1)).to.not.have.property('memoryUnlimitable')
  })

  it('takes what every version of the engine says, and the least for the rest', () => {
    expect(translate.toContainer(sparse)).to.deep.equal({
      id: 'c1',
      name: 'hello-0',
      state: 'created',
      imageId: 'sha256:1',
      labels: {},
      createdAt: Date.UTC(2026, 0, 2, 3, 4, 5, 123),
      exitCode: 0,
      oomKilled: false,
      error: '',
      stopSignal: 'SIGTERM',
      networks: {},
      ports: [],
      memoryBytes: 0,
      nanoCpus: 0
    })
  })

  it('reads addresses per network, and TCP ports that are bound', () => {
    const NetworkSettings = {
      IPAddress: '10.9.9.9',
      Networks: { a: { NetworkID: 'n1', IPAddress: '10.0.0.2' }, b: {} },
      Ports: {
        '8080/tcp': null,
        '53/udp': [{ HostIp: '0.0.0.0', HostPort: '53' }],
        '9229/tcp': [{ HostIp: '127.0.0.1', HostPort: '40000' }, {}]
      }
    }
    const { networks, ports } = translate.toContainer({ ...sparse, NetworkSettings } as never)
    expect(networks).to.deep.equal({
      a: { networkId: 'n1', ipAddress: '10.0.0.2' },
      b: { networkId: '', ipAddress: '' }
    })
    expect(ports).to.deep.equal([
      { containerPort: 9229, address: '127.0.0.1', hostPort: 40_000 },
      { containerPort: 9229, address: '', hostPort: 0 }
    ])
  })

  it('knows the stop signal of the image, and when it ran', () => {
    const State = { Status: 'exited', StartedAt: '2026-01-01T00:00:01Z', FinishedAt: '2026-01-01T00:00:02.5Z' }
    const found = translate.toContainer({ ...sparse, State, Config: { StopSignal: 'SIGQUIT' } } as never)
    expect(found).to.include({ stopSignal: 'SIGQUIT', state: 'exited' })
    expect((found.finishedAt ?? 0) - (found.startedAt ?? 0)).to.equal(1500)
  })

  it('D12: takes a state it does not know for dead', () => {
    const State = { ...sparse.State, Status: 'stopping' }
    expect(translate.toContainer({ ...sparse, State }).state).to.equal('dead')
  })
})

describe('toContainerSummary', () => {
  it('takes the container’s own name, not those that links give it', () => {
    const raw = { Id: 'c1', Names: ['/other/alias', '/hello-0'], State: 'running', ImageID: 'i', Created: 5 }
    expect(translate.toContainerSummary(raw as never)).to.deep.equal({
      ...{ id: 'c1', name: 'hello-0', state: 'running', imageId: 'i', labels: {}, createdAt: 5000 },
      networks: {},
      ports: []
    })
    expect(translate.toContainerSummary({ ...raw, Names: null } as never).name).to.equal('')
  })
})

describe('networks', () => {
  const raw = { Id: 'n', Name: 'net', Created: '2026-01-01T00:00:00Z', Labels: null, IPAM: { Config: null } } as never

  it('may have no subnet, and endpoints whose containers are gone', () => {
    const Containers = { c2: {}, c1: {}, 'ep-9': {} }
    const found = translate.toNetwork({ ...(raw as object), Containers } as never)
    expect(found).to.deep.include({ labels: {}, subnets: [], members: ['c1', 'c2'] })
    expect(translate.toNetwork(raw).members).to.deep.equal([])
  })

  it('N5: of one name are told apart by our label, then by age, then by id', () => {
    const net = (id: string, createdAt: number, labels = {}) => ({ id, name: 'net', labels, subnets: [], createdAt })
    const ours = { 'com.docker-faas.instance': 'x' }
    const all = [
      net('a', 1),
      net('d', 3, ours),
      net('c', 2, ours),
      net('b', 2, ours),
      { ...net('z', 0, ours), name: 'ne' }
    ]
    expect(pickNetwork(all, 'net')?.id).to.equal('b')
    expect(pickNetwork(all.slice(0, 1), 'net')?.id).to.equal('a')
    expect(pickNetwork(all, 'other')).to.equal(undefined)
  })
})

describe('the rest', () => {
  it('may be left out as well', () => {
    expect(translate.toVolume({ Name: 'v' } as never)).to.deep.equal({ name: 'v', labels: {}, createdAt: 0 })
    expect(translate.toImage({ Id: 'i', RepoDigests: null } as never)).to.deep.equal({ id: 'i', digests: [], user: '' })
    const version = { Version: '29.0.0', ApiVersion: '1.52', Os: 'linux', Arch: 'arm64' } as never
    expect(translate.toEngineInfo({}, version)).to.deep.equal({
      ...{ id: '', version: '29.0.0', apiVersion: '1.52', operatingSystem: 'linux', architecture: 'arm64' },
      ...{ cpus: 0, memoryBytes: 0, canLimitCpu: false, runtimes: [], guards: [] }
    })
  })

  it('labels are asked for by value, or by key when the value is empty', () => {
    expect(translate.labelFilter({ a: 'b=c', d: '' })).to.deep.equal(['a=b=c', 'd'])
  })
})
