import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import type Docker from 'dockerode'
import { compiled } from '../helpers/compiler.ts'
import { importImage, useTestRun } from '../helpers/docker-run.ts'
import { eventually } from '../helpers/eventually.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { expectHardened } from '../helpers/hardened.ts'
import { inside as insideOf } from '../helpers/inside.ts'

const DEFAULT_LIMITS = { MEMORY_DEFAULT: '', CPU_DEFAULT: '' }

describe('security of the containers of functions', function () {
  this.timeout(60_000)
  const run = useTestRun()
  let gateway: TestGateway
  let canLimitSwap: boolean

  before(async () => {
    gateway = await TestGateway.start({ STOP_GRACE: '1s', ...DEFAULT_LIMITS })
    canLimitSwap = (await gateway.docker.info()).SwapLimit === true
  })
  after(() => gateway.close())

  /** An image that anybody may run as, with a program that tries to break out, owned by root and setuid. */
  async function escapeImage(user: string): Promise<string> {
    const { docker, instance } = run()
    const reference = `docker-faas-test/escape-${user.replaceAll(':', '-')}:${instance}`
    const content = readFileSync(compiled('escape.c', ['-static']))
    const files = [{ name: 'bin/escape', mode: 0o4755, content }]
    await importImage(docker, reference, instance, '["/bin/sh", "/entry"]', { user, files })
    return reference
  }

  const inside = (name: string, ...command: string[]) => insideOf(gateway.docker, name, ...command)

  const inspect = (name: string): Promise<Docker.ContainerInspectInfo> => gateway.docker.getContainer(name).inspect()

  async function deployed(name: string, spec: object): Promise<void> {
    await gateway.apply(name, spec)
    await gateway.converged(name)
    const wanted = { network: gateway.networkOf(name), canLimitSwap }
    const readOnly = (spec as { readOnlyRootFilesystem?: boolean }).readOnlyRootFilesystem === true
    expectHardened(await inspect(`${name}-0`), { ...wanted, readOnly })
  }

  it('S1: a function that runs as root has no capability, in any of the sets', async () => {
    await deployed('hardened', { image: run().image })
    const status = await inside('hardened-0', 'cat', '/proc/self/status')
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) {
      expect(status).to.match(new RegExp(`^${set}:\t0{16}$`, 'm'))
    }
    expect(await inside('hardened-0', 'id', '-u')).to.equal('0\n')
  })

  it('S2: a setuid program of root’s does not make a user root', async () => {
    const image = await escapeImage('1000:1000')
    await deployed('setuid', { image })
    expect(await inside('setuid-0', '/bin/escape')).to.match(/^uid 1000$/m)
    expect(await inside('setuid-0', 'cat', '/proc/self/status')).to.match(/^NoNewPrivs:\t1$/m)
    const careless = await gateway.docker.createContainer({
      Image: image,
      Cmd: ['/bin/escape'],
      Tty: true,
      Labels: run().labels
    })
    await careless.start()
    await careless.wait()
    expect(String(await careless.logs({ stdout: true })), 'what it does elsewhere').to.match(/uid 0\r?$/m)
  })

  it('S4: the kernel is asked in vain for namespaces, mounts, keys, devices and raw sockets', async () => {
    await deployed('escape', { image: await escapeImage('0:0') })
    expect(await inside('escape-0', 'cat', '/proc/1/status')).to.match(/^Seccomp:\t2$/m)
    const tried = (await inside('escape-0', '/bin/escape')).trim().split('\n')
    expect(tried[0]).to.equal('uid 0')
    expect(tried.slice(1)).to.have.length(11)
    expect(tried.slice(1).filter(line => !/ (EPERM|ENOSYS|EACCES)$/.test(line))).to.deep.equal([])
  })

  it('S4: AppArmor confines a function where the host has it', async () => {
    const { SecurityOptions } = (await gateway.docker.info()) as { SecurityOptions: string[] }
    const { AppArmorProfile } = await inspect('escape-0')
    const expected = SecurityOptions.some(option => option.includes('apparmor')) ? 'docker-default' : ''
    expect(AppArmorProfile).to.equal(expected)
  })

  it('S5: a read-only root takes nothing, and /tmp no more than its size and no program', async () => {
    await deployed('frozen', { image: run().image, readOnlyRootFilesystem: true })
    expect(await inside('frozen-0', 'sh', '-c', 'echo x >/fill')).to.match(/read-only/i)
    const mounts = await inside('frozen-0', 'cat', '/proc/mounts')
    expect(mounts).to.match(/^tmpfs \/tmp tmpfs \S*nosuid,nodev,noexec\S*size=65536k/m)
  })

  it('S6: a function for which nobody names limits has all of them', async () => {
    const { MemTotal, NCPU } = (await gateway.docker.info()) as { MemTotal: number; NCPU: number }
    const { HostConfig } = await inspect('hardened-0')
    expect(HostConfig.Memory).to.be.within(0.85 * MemTotal, 0.9 * MemTotal)
    expect(HostConfig.NanoCpus).to.be.within(0.85e9 * NCPU, 0.9e9 * NCPU)
    expect(HostConfig.PidsLimit).to.equal(512)
    expect(await inside('hardened-0', 'sh', '-c', 'ulimit -Sn; ulimit -Hn')).to.equal('16384\n16384\n')
  })

  it('S6: limits that the operator sets replace what has others, once', async () => {
    await gateway.stop()
    await gateway.start({ MEMORY_DEFAULT: '32Mi', CPU_DEFAULT: '0.5' })
    await gateway.converged('hardened')
    await eventually(async () => expect((await inspect('hardened-0')).HostConfig.NanoCpus).to.equal(5e8))
    const { Id, HostConfig } = await inspect('hardened-0')
    expect(HostConfig.Memory).to.equal(2 ** 25)
    expectHardened(await inspect('hardened-0'), { network: gateway.networkOf('hardened'), canLimitSwap })
    await gateway.call('POST', '/v1/reconcile')
    await gateway.converged('hardened')
    expect((await inspect('hardened-0')).Id).to.equal(Id)
  })

  it('S6: a hog of CPU and memory is held to its limits, and its neighbour answers', async () => {
    await deployed('spinning', { image: run().image, limits: { cpu: '200m', memory: '32Mi' } })
    const exec = await gateway.docker.getContainer('spinning-0').exec({ Cmd: ['sh', '-c', 'while :; do :; done'] })
    ;(await exec.start({ Detach: true })).destroy()
    await eventually(async () => {
      const { cpu_stats: cpu } = await gateway.docker.getContainer('spinning-0').stats({ stream: false })
      expect(cpu.throttling_data.throttled_periods).to.be.above(2)
    })
    expect((await gateway.call('GET', '/function/hardened')).status).to.equal(200)
  })

  it('S7: whatever a deployment asks for, its containers are as all others', async () => {
    const host = {
      ...{ network: 'host', networkMode: 'host', privileged: true, capAdd: ['SYS_ADMIN'], devices: ['/dev/mem'] },
      ...{ volumes: ['/:/host'], binds: ['/var/run/docker.sock:/docker.sock'], pid: 'host', ipc: 'host', uts: 'host' },
      HostConfig: { Privileged: true, Binds: ['/:/host'], NetworkMode: 'host', CapAdd: ['ALL'], UsernsMode: 'host' },
      securityOpt: ['seccomp=unconfined'],
      sysctls: { 'net.ipv4.ip_forward': '1' },
      constraints: ['node.role == manager'],
      labels: { 'com.docker-faas.role': 'gateway', privileged: 'true' }
    }
    const reserved = await gateway.call('POST', '/system/functions', { service: 'greedy', image: run().image, ...host })
    expect(reserved.status).to.equal(400)
    expect(reserved.text).to.contain('com.docker-faas.role')
    const body = { service: 'greedy', image: run().image, ...host, labels: { privileged: 'true' } }
    expect((await gateway.call('POST', '/system/functions', body)).status).to.equal(202)
    await gateway.converged('greedy')
    expectHardened(await inspect('greedy-0'), { network: gateway.networkOf('greedy'), canLimitSwap })
    const strict = await gateway.call('POST', '/v1/functions', {
      metadata: { name: 'capped' },
      spec: { image: run().image, privileged: true, HostConfig: { Privileged: true } }
    })
    expect(strict.status).to.equal(400)
    expect(strict.text).to.contain('spec.privileged: is not a known field')
  })

  it('S7: the gateway made no container that is not so', async () => {
    const names = await gateway.containers()
    expect(names.length).to.be.above(4)
    for (const name of names) {
      const network = gateway.networkOf(name.replace(/-\d+$/, ''))
      expectHardened(await inspect(name), { network, canLimitSwap, readOnly: name === 'frozen-0' })
    }
  })
})
