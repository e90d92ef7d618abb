import { expect } from 'chai'
import type Docker from 'dockerode'
import { LABEL } from '../../api/labels.ts'
import { underCalls } from '../helpers/callers.ts'
import { useTestRun } from '../helpers/docker-run.ts'
import { eventually } from '../helpers/eventually.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { testkitImage } from '../helpers/images.ts'

/** The rows promise 2 or 5 s; the machine of the tests may have other things to do. */
const REPAIRED = { timeoutMs: 15_000 }

describe('a replica that somebody meddles with', function () {
  this.timeout(60_000)
  const run = useTestRun()
  let gateway: TestGateway
  /** What a replica may use, as nobody said how much. */
  let memory: number | undefined

  before(async () => {
    gateway = await TestGateway.start({ STOP_GRACE: '1s' })
    await gateway.apply('healed', { image: await testkitImage(), replicas: 2 })
    await gateway.converged('healed')
    memory = (await first().inspect()).HostConfig.Memory
  })
  after(() => gateway.close())

  const first = () => gateway.docker.getContainer('healed-0')

  /** The world is as written down, in all that people change by hand. */
  async function isWhole(): Promise<void> {
    const { HostConfig, State, NetworkSettings } = await first().inspect()
    expect([State.Running, State.Paused, HostConfig.Memory]).to.deep.equal([true, false, memory])
    expect(Object.keys(NetworkSettings.Networks)).to.deep.equal([gateway.networkOf('healed')])
    expect(NetworkSettings.Networks[gateway.networkOf('healed')]?.IPAddress).to.match(/^10\./)
    expect(await gateway.containers('healed')).to.deep.equal(['healed-0', 'healed-1'])
  }

  async function aForeignNetwork(): Promise<Docker.Network> {
    const Name = `${run().prefix}foreign`
    return gateway.docker.createNetwork({ Name, Labels: run().labels, IPAM: { Config: [{ Subnet: run().subnet() }] } })
  }

  /** A second container of the very labels of `healed-0`. */
  async function aDouble(): Promise<void> {
    const { Config } = await first().inspect()
    const double = await gateway.docker.createContainer({
      ...{ name: `${gateway.instance}-double`, Image: Config.Image, Labels: Config.Labels },
      HostConfig: { NetworkMode: gateway.networkOf('healed') }
    })
    await double.start()
  }

  const injuries: readonly [title: string, injure: () => Promise<unknown>, event?: RegExp][] = [
    ['K3: is replaced when it was killed', () => first().kill(), /exited with code 137/],
    ['K4: is replaced when it was removed', () => first().remove({ force: true })],
    ['K5: is unpaused when it was paused', () => first().pause(), /unpause replica 0: paused/],
    [
      'K6: has its name back when it was renamed',
      () => first().rename({ name: `${gateway.instance}-x` }),
      /rename replica 0: renamed/
    ],
    ['K7: is replaced when it was stopped', () => first().stop({ t: 1 })],
    [
      'K8: is back on its network when it was disconnected',
      () => gateway.docker.getNetwork(gateway.networkOf('healed')).disconnect({ Container: 'healed-0' }),
      /connect replica 0: not on its network/
    ],
    [
      'K9: is taken off a network that is not its own',
      async () => (await aForeignNetwork()).connect({ Container: 'healed-0' }),
      /disconnect replica 0: attached to network .*foreign, which is not its own/
    ],
    ['K10: is replaced when its limits were changed', () => first().update({ Memory: 2 ** 28, MemorySwap: 2 ** 28 })],
    ['K12: is the only one of its ordinal when there was a second one', aDouble]
  ]
  for (const [title, injure, event] of injuries) {
    it(`${title}, and no call is lost`, async () => {
      await gateway.converged('healed')
      await isWhole()
      const codes = await underCalls(gateway, '/function/healed', async () => {
        await injure()
        await eventually(isWhole, REPAIRED)
        await gateway.converged('healed')
      })
      expect(codes.filter(code => code !== 200)).to.deep.equal([])
      expect(codes).to.not.deep.equal([])
      if (event !== undefined) {
        await eventually(async () =>
          expect((await gateway.call('GET', '/v1/functions/healed/events')).text).to.match(event)
        )
      }
    })
  }

  it('K12: keeps the ready one, which is the older one, and never the second', async () => {
    await gateway.converged('healed')
    const { Id: id } = await first().inspect()
    await aDouble()
    await eventually(isWhole, REPAIRED)
    expect((await first().inspect()).Id).to.equal(id)
  })

  it('K11: is no replica when it has the very labels and another image: left alone, without calls, and told of', async () => {
    await gateway.converged('healed')
    const { Config } = await first().inspect()
    const forged = await gateway.docker.createContainer({
      ...{ name: `${gateway.instance}-forged`, Image: run().image, Labels: Config.Labels },
      HostConfig: { NetworkMode: gateway.networkOf('healed') }
    })
    try {
      await forged.start()
      await eventually(async () =>
        expect((await gateway.call('GET', '/v1/functions/healed/events')).text).to.contain('ForgedObject')
      )
      for (let n = 0; n < 30; n++) {
        const { text } = await gateway.call('GET', '/function/healed/cgi-bin/echo')
        expect(text, 'the forged one would answer so').to.not.contain('REQUEST_METHOD=')
      }
      expect((await gateway.call('GET', '/v1/plan')).text).to.match(/"verdict":"forged"/)
      const { State } = await forged.inspect()
      expect(State.Running).to.equal(true)
    } finally {
      await forged.remove({ force: true })
    }
    await eventually(isWhole, REPAIRED)
  })

  it('tells in a metric how often something was undone', async () => {
    expect(await gateway.metrics()).to.match(/faas_repairs_total\{kind="disconnect-replica"\} [1-9]/)
  })

  it('K17: is replaced when it died while it was paused, also when nobody saw it, and no call hangs', async () => {
    const hurt = async () => {
      await first().pause()
      await first().kill()
    }
    await gateway.converged('healed')
    const codes = await underCalls(gateway, '/function/healed', async () => {
      await hurt()
      await eventually(isWhole, REPAIRED)
    })
    expect(codes.filter(code => code !== 200)).to.deep.equal([])
    await gateway.converged('healed')
    await gateway.stop()
    await hurt()
    await gateway.start()
    await eventually(isWhole, REPAIRED)
    expect((await gateway.call('GET', '/function/healed')).status).to.equal(200)
  })
})

describe('a replica that misbehaves', function () {
  this.timeout(60_000)
  const run = useTestRun()
  let gateway: TestGateway

  before(async () => {
    gateway = await TestGateway.start({ PIDS_LIMIT: '64', TMPFS_BYTES: '1Mi', LOG_MAX_BYTES: '64Ki' })
    const { image } = run()
    await Promise.all([
      gateway.apply('neighbour', { image }),
      gateway.apply('bad', { image, limits: { memory: '32Mi' }, readOnlyRootFilesystem: true })
    ])
    await Promise.all(['neighbour', 'bad'].map(name => gateway.converged(name)))
  })
  after(() => gateway.close())

  /** Runs a shell command inside the replica, as what it serves could do; gives what it printed, and its exit code. */
  async function inside(command: string): Promise<{ text: string; code: number | null }> {
    const container = gateway.docker.getContainer('bad-0')
    const exec = await container.exec({ Cmd: ['/bin/sh', '-c', command], AttachStdout: true, AttachStderr: true })
    let text = ''
    for await (const chunk of await exec.start({})) text += chunk
    return { text, code: (await exec.inspect()).ExitCode }
  }

  const neighbourAnswers = async () => expect((await gateway.call('GET', '/function/neighbour')).status).to.equal(200)

  it('K15: forks no more processes than its limit, and its neighbour answers', async () => {
    const bomb = 'i=0; while [ $i -lt 200 ]; do sleep 60 & i=$((i+1)); done; wait'
    const exec = await gateway.docker.getContainer('bad-0').exec({ Cmd: ['/bin/sh', '-c', bomb] })
    ;(await exec.start({ Detach: true })).destroy()
    await eventually(async () => {
      const { Processes } = await gateway.docker.getContainer('bad-0').top()
      expect(Processes.length).to.be.within(50, 64)
    })
    await neighbourAnswers()
    const { State } = await gateway.docker.getContainer('neighbour-0').inspect()
    expect(State.Running).to.equal(true)
    const { Id: bombed } = await gateway.docker.getContainer('bad-0').inspect()
    await gateway.docker.getContainer(bombed).kill()
    await eventually(async () => {
      const { Id, State: now } = await gateway.docker.getContainer('bad-0').inspect()
      expect([Id === bombed, now.Running]).to.deep.equal([false, true])
    })
  })

  it('K16: writes no more than its /tmp holds, and nothing beside it', async () => {
    const full = await inside('dd if=/dev/zero of=/tmp/fill bs=64k count=100')
    expect([full.code, full.text]).to.satisfy(([code, text]: [number, string]) => code !== 0 && /no space/i.test(text))
    const outside = await inside('echo x >/fill')
    expect([outside.code, outside.text]).to.satisfy(
      ([code, text]: [number, string]) => code !== 0 && /read-only/i.test(text)
    )
    await neighbourAnswers()
    await inside('dd if=/dev/null of=/tmp/fill')
  })

  it('K1: has no more memory than its limit, and its neighbour answers', async () => {
    const exec = await gateway.docker.getContainer('bad-0').exec({ Cmd: ['/bin/sh', '-c', 'tail /dev/zero'] })
    ;(await exec.start({ Detach: true })).destroy()
    await eventually(async () => {
      const { ExitCode } = await exec.inspect()
      expect(ExitCode).to.equal(137)
    })
    await neighbourAnswers()
  })

  it('K18: serves though the image has a HEALTHCHECK that fails, which the engine never runs', async () => {
    const { image, docker, instance } = run()
    const base = await docker.createContainer({ Image: image, Labels: { [LABEL.instance]: instance } })
    const repo = 'docker-faas-test/unhealthy'
    await base.commit({ repo, tag: instance, changes: 'HEALTHCHECK --interval=1s --retries=1 CMD ["/bin/false"]' })
    await base.remove()
    expect((await docker.getImage(`${repo}:${instance}`).inspect()).Config.Healthcheck).to.have.property('Test')
    await gateway.apply('unhealthy', { image: `${repo}:${instance}` })
    await gateway.converged('unhealthy')
    expect((await gateway.call('GET', '/function/unhealthy')).status).to.equal(200)
    const { State, Config } = await docker.getContainer('unhealthy-0').inspect()
    expect([State.Health?.Status ?? 'none', Config.Healthcheck?.Test]).to.deep.equal(['none', ['NONE']])
  })

  it('K16: writes no more log than its limit, of which the newest lines are kept', async () => {
    const { HostConfig } = await gateway.docker.getContainer('bad-0').inspect()
    expect(HostConfig.LogConfig).to.deep.equal({ Type: 'json-file', Config: { 'max-file': '2', 'max-size': '65536' } })
    const line = 'x'.repeat(250)
    const flood = `i=0; while [ $i -lt 4000 ]; do echo "$i ${line}"; i=$((i+1)); done >/proc/1/fd/1`
    expect((await inside(flood)).code).to.equal(0)
    await eventually(async () => {
      const kept = String(await gateway.docker.getContainer('bad-0').logs({ stdout: true, stderr: true }))
      expect(kept).to.contain('3999 x')
      expect(kept.length).to.be.below(2 * 65_536)
    })
    await neighbourAnswers()
  })
})
