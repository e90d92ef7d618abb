import { expect } from 'chai'
import { checkBody } from './docker-bodies.ts'
import { explicitImage, toCreateBody, toNetworkBody } from './docker-create.ts'
import type { ContainerSpec } from './specs.ts'

const spec: ContainerSpec = {
  name: 'hello-0',
  image: 'hello:1',
  labels: { a: 'b' },
  env: { A: 'x=y', B: '' },
  network: 'net-hello',
  memoryBytes: 128,
  memoryReservationBytes: 64,
  nanoCpus: 5,
  cpuShares: 1024,
  pidsLimit: 10,
  readOnlyRootFilesystem: true,
  tmpfs: { '/tmp': 4096 },
  ports: [
    { containerPort: 9229, address: '127.0.0.1', hostPort: 0 },
    { containerPort: 5678, address: '127.0.0.1', hostPort: 40_000 }
  ],
  logMaxBytes: 1000
}

describe('toCreateBody', () => {
  it('S1 S2 S4 S6 S7: says the same of every container, and nothing beside the spec', () => {
    expect(toCreateBody(spec)).to.deep.equal({
      Image: 'hello:1',
      Env: ['A=x=y', 'B='],
      Labels: { a: 'b' },
      ExposedPorts: { '9229/tcp': {}, '5678/tcp': {} },
      Healthcheck: { Test: ['NONE'] },
      HostConfig: {
        NetworkMode: 'net-hello',
        RestartPolicy: { Name: 'no' },
        AutoRemove: false,
        Privileged: false,
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges'],
        ReadonlyRootfs: true,
        Tmpfs: { '/tmp': 'size=4096,mode=1777,nosuid,nodev' },
        Memory: 128,
        MemorySwap: 128,
        MemoryReservation: 64,
        NanoCpus: 5,
        CpuShares: 1024,
        PidsLimit: 10,
        Ulimits: [{ Name: 'nofile', Soft: 16_384, Hard: 16_384 }],
        LogConfig: { Type: 'json-file', Config: { 'max-size': '1000', 'max-file': '2' } },
        PortBindings: {
          '9229/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }],
          '5678/tcp': [{ HostIp: '127.0.0.1', HostPort: '40000' }]
        }
      },
      NetworkingConfig: { EndpointsConfig: { 'net-hello': {} } }
    })
  })

  it('S13: names a user, tmpfs and resolvers where they are asked for, as the engine and the socket proxy may be told', () => {
    const dns = { nameservers: ['10.0.0.53', '2001:db8::1'], searches: [], options: ['ndots:2'] }
    const body = toCreateBody({ ...spec, user: '1000:app', tmpfs: { '/cache': 1, '/dev/shm': 2 }, dns })
    expect(body).to.include({ User: '1000:app' })
    expect(body.HostConfig).to.deep.include({
      Tmpfs: { '/cache': 'size=1,mode=1777,nosuid,nodev', '/dev/shm': 'size=2,mode=1777,nosuid,nodev' },
      Dns: ['10.0.0.53', '2001:db8::1'],
      DnsOptions: ['ndots:2']
    })
    expect(body.HostConfig).to.not.have.property('DnsSearch')
    expect(checkBody('container', JSON.stringify(body))).to.deep.equal({ kind: 'container', body })
    const wrong = [
      { User: 'root; id' },
      { HostConfig: { ...body.HostConfig, Dns: ['dns.example'] } },
      { HostConfig: { ...body.HostConfig, DnsSearch: ['a b'] } },
      ...['/proc', '/var/openfaas', '/a/../proc'].map(path => ({
        HostConfig: { ...body.HostConfig, Tmpfs: { [path]: 'size=1' } }
      }))
    ]
    for (const part of wrong) expect(checkBody('container', JSON.stringify({ ...body, ...part }))).to.be.a('string')
  })

  it('S7: mounts nothing but the volume with secrets, where there is one', () => {
    const secrets = { volume: 'v', labels: {}, access: 'read' } as const
    const { HostConfig: host } = toCreateBody({ ...spec, secrets })
    expect(host?.Mounts?.map(({ Type, Source, ReadOnly }) => [Type, Source, ReadOnly])).to.deep.equal([
      ['volume', 'v', true]
    ])
    expect(toCreateBody(spec).HostConfig).to.not.have.property('Mounts')
  })

  for (const network of ['host', 'none', 'default', 'container:gateway', 'ns:/proc/1/ns/net']) {
    it(`S7: refuses the network ${network}`, () => {
      expect(() => toCreateBody({ ...spec, network })).to.throw('is not allowed')
    })
  }
})

describe('toNetworkBody', () => {
  it('asks for a bridge with exactly the subnet, and for a name of its own', () => {
    const body = toNetworkBody({ name: 'net', labels: { a: 'b' }, subnet: '10.0.0.0/28' })
    expect(body).to.deep.include({ Name: 'net', Driver: 'bridge', Internal: false, CheckDuplicate: true })
    expect(body.IPAM).to.deep.equal({ Driver: 'default', Config: [{ Subnet: '10.0.0.0/28' }] })
  })
})

describe('explicitImage', () => {
  const digest = `sha256:${'0'.repeat(64)}`
  for (const [given, explicit] of [
    ['cafe', 'cafe:latest'],
    ['cafe:1', 'cafe:1'],
    ['r.io:5000/cafe', 'r.io:5000/cafe:latest'],
    ['r.io:5000/cafe:1', 'r.io:5000/cafe:1'],
    [`cafe@${digest}`, `cafe@${digest}`],
    [digest, digest]
  ] as const) {
    it(`is ${explicit} for ${given}`, () => expect(explicitImage(given)).to.equal(explicit))
  }
})

describe('what is sent to create something', () => {
  const sent = (kind: 'container' | 'network', body: object) => checkBody(kind, JSON.stringify(body))
  const secrets = { volume: 'fn-secrets-0123abcd', labels: { a: 'b' }, access: 'read' } as const
  const network = { name: 'net', subnet: '10.0.0.0/28', labels: { a: 'b' } }

  it('S13: is what the socket proxy lets through, and as it is', () => {
    for (const one of [spec, { ...spec, runtime: 'runsc', secrets }]) {
      expect(sent('container', toCreateBody(one, 'id'))).to.deep.equal({
        kind: 'container',
        body: toCreateBody(one, 'id')
      })
    }
    for (const one of [network, { ...network, closedBridge: 'dfi-0123456789' }]) {
      expect(sent('network', toNetworkBody(one))).to.deep.equal({ kind: 'network', body: toNetworkBody(one) })
    }
  })

  it('S13: takes over no bridge of the host', () => {
    expect(sent('network', toNetworkBody({ ...network, closedBridge: 'docker0' }))).to.contain('Options')
  })
})
