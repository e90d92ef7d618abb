import { connect } from 'node:net'
import { expect } from 'chai'
import { LABEL } from '../../api/labels.ts'
import { aContainerBody, OURS, ProxiedEngine } from '../../test/helpers/proxied-engine.ts'
import { toNetworkBody } from '../engine/docker-create.ts'

describe('S13: the socket proxy refuses, and sends nothing on of,', () => {
  let engine: ProxiedEngine
  beforeEach(async () => {
    engine = await ProxiedEngine.start()
  })
  afterEach(() => engine.stop())

  const refused: [what: string, method: string, path: string, body?: unknown][] = [
    ['a program in a container', 'POST', '/containers/mine/exec', { Cmd: ['sh'] }],
    ['the start of one', 'POST', '/exec/0123/start'],
    ['attaching', 'POST', '/containers/mine/attach?stream=1'],
    ['reading files', 'GET', '/containers/mine/archive?path=/etc/shadow'],
    ['building', 'POST', '/build'],
    ['an image of a file', 'POST', '/images/create?fromSrc=-&repo=x'],
    ['a changed image', 'POST', '/images/create?fromImage=x&changes=USER+0'],
    ['pushing', 'POST', '/images/x/push'],
    ['a new volume', 'POST', '/volumes/create', { Name: 'x', Labels: OURS, DriverOpts: { type: 'none', o: 'bind' } }],
    ['plug-ins', 'POST', '/plugins/pull?remote=x'],
    ['a swarm', 'POST', '/swarm/init'],
    ['pruning', 'POST', '/containers/prune'],
    ['what is not there yet', 'POST', '/v1.99/containers/mine/teleport'],
    ['a path that goes up', 'GET', '/containers/..%2F..%2Finfo/json'],
    ['a path with a part too many', 'POST', '/containers/mine%2Fexec/start'],
    ['a doubled slash', 'GET', '//containers/json'],
    ['an image that goes up', 'GET', '/images/x/../../containers/theirs/json'],
    ['another host', 'GET', 'http://elsewhere/_ping'],
    ['a parameter that is given twice', 'POST', '/images/create?fromImage=x&fromImage=y&tag=1'],
    ['a parameter that is not used', 'GET', '/containers/json?size=1'],
    ['another method', 'TRACE', '/_ping'],
    ['the start of what is not ours', 'POST', '/containers/theirs/start'],
    ['the end of what is not ours', 'DELETE', '/containers/theirs?force=true'],
    ['the log of what is not ours', 'GET', '/containers/theirs/logs?stdout=true'],
    ['the usage of what is not ours', 'GET', '/containers/theirs/stats?stream=false'],
    ['files for what is not ours', 'PUT', '/containers/theirs/archive?path=/', 'a tar'],
    ['a network of others', 'POST', '/networks/theirs/connect', { Container: 'mine' }],
    ['taking others off a network of others', 'POST', '/networks/theirs/disconnect', { Container: 'theirs' }],
    ['the end of a network of others', 'DELETE', '/networks/theirs'],
    ['the end of a volume of others', 'DELETE', '/volumes/theirs'],
    ['an attachment with settings', 'POST', '/networks/mine/connect', { Container: 'mine', EndpointConfig: {} }],
    ['no JSON', 'POST', '/containers/create?name=x', '{'],
    [
      'a network with options',
      'POST',
      '/networks/create',
      {
        ...toNetworkBody({ name: 'x', subnet: '10.0.0.0/28', labels: OURS }),
        Options: { 'com.docker.network.bridge.name': 'docker0' }
      }
    ],
    [
      'a network of nobody',
      'POST',
      '/networks/create',
      toNetworkBody({ name: 'x', subnet: '10.0.0.0/28', labels: {} })
    ],
    ['a container of nobody', 'POST', '/containers/create?name=x', { ...aContainerBody(), Labels: {} }],
    [
      'one of another installation',
      'POST',
      '/containers/create',
      { ...aContainerBody(), Labels: { [LABEL.instance]: 'x' } }
    ],
    [
      'a field in other letters',
      'POST',
      '/containers/create',
      { ...aContainerBody(), hostconfig: { Privileged: true } }
    ],
    ['another health check', 'POST', '/containers/create', { ...aContainerBody(), Healthcheck: { Test: ['CMD', 'x'] } }]
  ]
  const hosts: [what: string, host: object][] = [
    ['privileges', { Privileged: true }],
    ['a folder of the host', { Binds: ['/:/host'] }],
    ['a mount of the host', { Mounts: [{ Type: 'bind', Source: '/', Target: '/host' }] }],
    [
      'a driver that mounts',
      {
        Mounts: [
          {
            ...{ Type: 'volume', Source: 'x', Target: '/x' },
            VolumeOptions: {
              Labels: OURS,
              DriverConfig: { Name: 'local', Options: { type: 'none', o: 'bind', device: '/' } }
            }
          }
        ]
      }
    ],
    [
      'a volume of others',
      {
        Mounts: [{ Type: 'volume', Source: 'theirs', Target: '/x', VolumeOptions: { Labels: OURS } }]
      }
    ],
    [
      'a new volume of nobody',
      { Mounts: [{ Type: 'volume', Source: 'absent', Target: '/x', VolumeOptions: { Labels: {} } }] }
    ],
    ['volumes of another container', { VolumesFrom: ['theirs'] }],
    ['a device', { Devices: [{ PathOnHost: '/dev/sda', PathInContainer: '/dev/sda', CgroupPermissions: 'rwm' }] }],
    ['devices by rule', { DeviceCgroupRules: ['a *:* rwm'] }],
    ['a capability', { CapAdd: ['SYS_ADMIN'] }],
    ['the usual capabilities', { CapDrop: [] }],
    ['no seccomp', { SecurityOpt: ['no-new-privileges', 'seccomp=unconfined'] }],
    ['the network of the host', { NetworkMode: 'host' }],
    ['the network of another container', { NetworkMode: 'container:theirs' }],
    ['a network of others', { NetworkMode: 'theirs' }],
    ['the processes of the host', { PidMode: 'host' }],
    ['the memory of the host', { IpcMode: 'host' }],
    ['the name of the host', { UTSMode: 'host' }],
    ['the users of the host', { UsernsMode: 'host' }],
    ['the groups of the host', { CgroupnsMode: 'host' }],
    ['a place in the host’s groups', { CgroupParent: '/' }],
    ['a setting of the kernel', { Sysctls: { 'kernel.core_pattern': '|/x' } }],
    ['visible paths of the kernel', { MaskedPaths: [], ReadonlyPaths: [] }],
    ['a log elsewhere', { LogConfig: { Type: 'syslog', Config: { 'syslog-address': 'tcp://evil' } } }],
    ['a tmpfs over the kernel’s files', { Tmpfs: { '/proc/sys': 'size=1' } }],
    ['a tmpfs over its secrets', { Tmpfs: { '/var/openfaas': 'size=1' } }],
    ['a name in the place of a resolver', { Dns: ['dns.example'] }],
    ['a tmpfs with a source', { Tmpfs: { '/x': 'bind,src=/' } }],
    ['no limit of processes', { PidsLimit: 0 }],
    ['a restart by Docker', { RestartPolicy: { Name: 'always' } }]
  ]
  const bodies = hosts.map(
    ([what, host]) => [`a container with ${what}`, 'POST', '/containers/create?name=x', aContainerBody(host)] as const
  )
  for (const [what, method, path, body] of [...refused, ...bodies]) {
    it(what, async () => {
      expect(await engine.send(method, path, body)).to.include({ status: 403 })
      expect(engine.calls).to.deep.equal([])
      expect(engine.proxy.refused).to.equal(1)
      expect(engine.warnings).to.have.length(1)
    })
  }

  it('a field that is given twice: the one that is checked is the one that is sent', async () => {
    const text = JSON.stringify(aContainerBody()).replace(
      '"HostConfig":{',
      '"HostConfig":{"Privileged":true},"HostConfig":{'
    )
    await engine.send('POST', '/containers/create', text)
    expect(engine.seen.map(({ body }) => JSON.parse(body))).to.deep.equal([aContainerBody()])
    expect(engine.seen[0]?.body).not.to.contain('"Privileged":true')
  })

  it('a body where none belongs, as a form would be read', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    await engine.send('POST', '/images/create?fromImage=x&tag=1', 'fromSrc=-&repo=x', form)
    expect(engine.seen.map(({ body }) => body)).to.deep.equal([''])
    expect(engine.seen[0]?.headers['content-type']).to.equal(undefined)
  })

  it('another protocol over its connection', async () => {
    const socket = connect(engine.address.socketPath)
    let text = ''
    socket.setEncoding('utf8').on('data', chunk => {
      text += chunk
    })
    socket.write('POST /containers/mine/start HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n')
    await new Promise(resolve => socket.once('close', resolve))
    expect(text).to.match(/^HTTP\/1\.1 403 /)
    expect(engine.calls).to.deep.equal([])
  })
})
