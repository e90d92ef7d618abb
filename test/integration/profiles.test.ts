import { expect } from 'chai'
import { useTestRun } from '../helpers/docker-run.ts'
import { eventually } from '../helpers/eventually.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { inside } from '../helpers/inside.ts'

const NAMED = 'com.openfaas.profile'

describe('profiles, over real containers', function () {
  this.timeout(60_000)
  const run = useTestRun()
  let gateway: TestGateway

  before(async () => {
    gateway = await TestGateway.start({ STOP_GRACE: '1s', RUNTIMES_ALLOWED: 'absent' })
  })
  after(() => gateway.close())

  const write = async (name: string, spec: object) => {
    const { status, text } = await gateway.call('POST', '/v1/profiles', { metadata: { name }, spec })
    if (status > 201) throw new Error(`profile ${name}: ${status} ${text}`)
  }
  const of = (name: string, ...command: string[]) => inside(gateway.docker, `${name}-0`, ...command)
  const idOf = async (name: string) => (await gateway.docker.getContainer(`${name}-0`).inspect()).Id

  it('give a function its user, its tmpfs and its resolver, and it reads its secrets all the same', async () => {
    await gateway.call('PUT', '/v1/secrets/key', { value: 'known' })
    await write('as-app', { user: '1000:1001', tmpfs: [{ path: '/cache', size: '64Mi' }] })
    await write('small', {
      tmpfs: [{ path: '/cache', size: '1Mi' }],
      dns: { nameservers: ['10.9.9.9'], searches: ['a.example'], options: ['ndots:2'] }
    })
    const annotations = { [NAMED]: 'as-app, small' }
    await gateway.apply('profiled', { image: run().image, secrets: ['key'] }, { annotations })
    await gateway.apply('unprofiled', { image: run().image })
    await Promise.all(['profiled', 'unprofiled'].map(name => gateway.converged(name)))
    const status = await of('profiled', 'cat', '/proc/1/status')
    expect(status)
      .to.match(/^Uid:\t1000\t/m)
      .and.to.match(/^Gid:\t1001\t/m)
    expect(await of('profiled', 'cat', '/var/openfaas/secrets/key')).to.equal('known')
    const mounts = await of('profiled', 'cat', '/proc/mounts')
    expect(mounts).to.match(/^tmpfs \/cache tmpfs \S*nosuid,nodev,noexec\S*size=1024k/m)
    expect(await of('profiled', 'sh', '-c', 'echo x >/cache/x && cat /cache/x')).to.equal('x\n')
    const { HostConfig } = await gateway.docker.getContainer('profiled-0').inspect()
    expect([HostConfig.Dns, HostConfig.DnsSearch, HostConfig.DnsOptions]).to.deep.equal([
      ['10.9.9.9'],
      ['a.example'],
      ['ndots:2']
    ])
    expect((await gateway.call('GET', '/function/profiled')).status).to.equal(200)
  })

  it('roll who names them when they change, and nobody else', async () => {
    const before = await Promise.all([idOf('profiled'), idOf('unprofiled')])
    await write('as-app', { user: '1002' })
    await eventually(async () => expect(await of('profiled', 'cat', '/proc/1/status')).to.match(/^Uid:\t1002\t/m))
    await gateway.converged('profiled')
    const after = await Promise.all([idOf('profiled'), idOf('unprofiled')])
    expect(after[0]).to.not.equal(before[0])
    expect(after[1]).to.equal(before[1])
    const events = await gateway.call('GET', '/v1/functions/profiled/events')
    expect(events.text).to.contain('"ProfileChanged"').and.to.contain('profile as-app was changed')
  })

  it('S14: ask for a runtime that the engine has not: told, and what runs goes on', async () => {
    const before = await idOf('profiled')
    await write('small', { runtime: 'absent' })
    const condition = await gateway.reason('profiled', 'Degraded', 'RuntimeMissing')
    expect(condition.message).to.contain('the engine has no runtime absent')
    expect(await idOf('profiled')).to.equal(before)
    expect((await gateway.call('GET', '/function/profiled')).status).to.equal(200)
    await write('small', {})
    await gateway.converged('profiled')
  })
})
