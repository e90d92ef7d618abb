import { createHash } from 'node:crypto'
import { expect } from 'chai'
import { eventually } from '../helpers/eventually.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { helloImage, testkitImage } from '../helpers/images.ts'

/** Docker’s own pools end at 31 networks. */
const FUNCTIONS = 34

describe('functions on a real engine', function () {
  this.timeout(60_000)
  let gateway: TestGateway
  let image: string

  before(async () => {
    image = await testkitImage()
    gateway = await TestGateway.start({ STOP_GRACE: '2s' })
  })
  after(() => gateway.close())

  /** Ids of the running containers of a function. */
  async function idsOf(name: string): Promise<string[]> {
    const names = await gateway.containers(name)
    return Promise.all(names.map(async n => (await gateway.docker.getContainer(n).inspect()).Id))
  }

  it('answers a call that comes straight after the 202 of a deploy', async () => {
    const deployed = await gateway.call('POST', '/system/functions', { service: 'direct', image })
    expect(deployed.status).to.equal(202)
    const answer = await gateway.call('POST', '/function/direct/a/path?x=1', 'hello')
    expect(answer.status).to.equal(200)
    expect(JSON.parse(answer.text)).to.include({ method: 'POST', url: '/a/path?x=1', body: 'hello' })
    const { status } = await gateway.converged('direct')
    expect(status).to.include({ replicas: 1, readyReplicas: 1, observedGeneration: 1 })
  })

  it('tells what a function uses, as Docker has it', async () => {
    // What the engine does not tell in time is left out, and is there for the next one who asks.
    await eventually(async () => {
      const [{ usage }] = JSON.parse((await gateway.call('GET', '/system/functions?usage=1')).text)
      expect(usage?.totalMemoryBytes).to.be.within(2 ** 18, 2 ** 30)
      const { items } = JSON.parse((await gateway.call('GET', '/v1/usage')).text)
      expect(items[0].metadata.name).to.equal('direct')
      expect(items[0]).to.include({ replicas: 1, readyReplicas: 1, invocationCount: 1, inflight: 0 })
      expect(items[0].usage?.memoryBytes).to.be.closeTo(usage.totalMemoryBytes, 2 ** 25)
      expect(items[0].usage.cpuMillicores).to.be.within(0, 64_000)
    })
  })

  it('runs containers with no capabilities, no new privileges, limits, and no restart policy of their own', async () => {
    await gateway.apply('strict', { image, limits: { memory: '128Mi', cpu: '500m' }, readOnlyRootFilesystem: true })
    await gateway.converged('strict')
    const { HostConfig: host, Config: config } = await gateway.docker.getContainer('strict-0').inspect()
    expect(host.CapDrop).to.deep.equal(['ALL'])
    expect(host.CapAdd ?? []).to.deep.equal([])
    expect(host.SecurityOpt).to.deep.equal(['no-new-privileges'])
    expect(host).to.include({
      Privileged: false,
      ReadonlyRootfs: true,
      Memory: 128 * 2 ** 20,
      NanoCpus: 5e8,
      PidsLimit: 512
    })
    expect(host.RestartPolicy?.Name).to.be.oneOf(['no', ''])
    expect(host.Tmpfs?.['/tmp']).to.contain('size=')
    expect(host.Binds ?? []).to.deep.equal([])
    expect(host.LogConfig?.Config).to.have.property('max-size')
    expect(config.Labels).to.include({ 'com.docker.compose.project': gateway.instance })
  })

  it('updates without a failed call, the new replica before the old one goes', async () => {
    await gateway.apply('rolling', { image, replicas: 2, env: { VERSION: '1' } })
    await gateway.converged('rolling')
    const codes: number[] = []
    const versions = new Set<string>()
    let calling = true
    const callers = Array.from({ length: 8 }, async () => {
      while (calling) {
        const answer = await gateway.call('POST', '/function/rolling?delayMs=10', 'x')
        codes.push(answer.status)
        if (answer.status === 200) versions.add(JSON.parse(answer.text).env)
      }
    })
    await gateway.apply('rolling', { image, replicas: 2, env: { VERSION: '2' } })
    const { status } = await gateway.converged('rolling')
    calling = false
    await Promise.all(callers)
    expect(codes.filter(code => code !== 200)).to.deep.equal([])
    expect(codes.length).to.be.at.least(50)
    expect([...versions].sort()).to.deep.equal(['1', '2'])
    expect(status).to.include({ readyReplicas: 2, outdatedReplicas: 0, observedGeneration: 2 })
    expect(JSON.parse((await gateway.call('GET', '/function/rolling')).text).env).to.equal('2')
    expect(await gateway.containers('rolling')).to.deep.equal(['rolling-0', 'rolling-1'])
  })

  it('scales up and down, to zero and back', async () => {
    await gateway.apply('scaled', { image })
    await gateway.converged('scaled')
    for (const replicas of [3, 1, 0, 2]) {
      await gateway.scale('scaled', replicas)
      await gateway.converged('scaled')
      expect(await gateway.containers('scaled')).to.have.length(replicas)
      // At zero it wakes one, and waits for it.
      expect((await gateway.call('GET', '/function/scaled')).status).to.equal(200)
    }
  })

  it('applies the same spec again without a new generation or a new container', async () => {
    const spec = { image, env: { A: '1' } }
    await gateway.apply('same', spec)
    const before = await gateway.converged('same')
    const ids = await idsOf('same')
    expect((await gateway.apply('same', spec)).metadata.generation).to.equal(before.metadata.generation)
    await gateway.converged('same')
    expect(await idsOf('same')).to.deep.equal(ids)
  })

  it('deletes with nothing left', async () => {
    await gateway.apply('doomed', { image, replicas: 2 })
    await gateway.converged('doomed')
    expect((await gateway.call('DELETE', '/system/functions', { functionName: 'doomed' })).status).to.equal(202)
    await eventually(async () => expect((await gateway.call('GET', '/v1/functions/doomed')).status).to.equal(404), {
      timeoutMs: 30_000
    })
    expect(await gateway.containers('doomed')).to.deep.equal([])
    expect(await gateway.networks()).not.to.include(gateway.networkOf('doomed'))
    expect((await gateway.call('GET', '/function/doomed')).status).to.equal(404)
  })

  it('takes a new function of the same name straight after a delete', async () => {
    await gateway.apply('again', { image, env: { VERSION: 'old' } })
    await gateway.converged('again')
    expect((await gateway.call('DELETE', '/system/functions', { functionName: 'again' })).status).to.equal(202)
    const deployed = await gateway.call('POST', '/system/functions', {
      service: 'again',
      image,
      envVars: { VERSION: 'new' }
    })
    expect(deployed.status).to.equal(202)
    const answer = await gateway.call('GET', '/function/again')
    expect([answer.status, JSON.parse(answer.text).env]).to.deep.equal([200, 'new'])
    await gateway.converged('again')
    expect(await gateway.containers('again')).to.deep.equal(['again-0'])
  })

  it('keeps the old revision serving when the new image is not there, and says ImageNotFound or ImagePullFailed', async () => {
    await gateway.apply('badimage', { image, env: { VERSION: '1' } })
    await gateway.converged('badimage')
    await gateway.apply('badimage', { image: '127.0.0.1:1/no/such:image' })
    const condition = await gateway.reason('badimage', 'Progressing', 'ImagePullFailed')
    expect(condition.status).to.equal('False')
    expect(JSON.parse((await gateway.call('GET', '/function/badimage')).text).env).to.equal('1')
    await gateway.apply('badimage', { image, env: { VERSION: '3' } })
    await gateway.converged('badimage')
    expect(JSON.parse((await gateway.call('GET', '/function/badimage')).text).env).to.equal('3')
  })

  it('K13: keeps the old revision serving when the new one never listens, and goes on when it is mended', async () => {
    await gateway.apply('deaf', { image, env: { VERSION: '1' } })
    await gateway.converged('deaf')
    await gateway.apply('deaf', { image, env: { VERSION: '2', NEVER_LISTEN: '1' } })
    await gateway.reason('deaf', 'Progressing', 'RollingOut')
    expect(JSON.parse((await gateway.call('GET', '/function/deaf')).text).env).to.equal('1')
    await gateway.apply('deaf', { image, env: { VERSION: '3' } })
    await gateway.converged('deaf')
    expect(await gateway.containers('deaf')).to.deep.equal(['deaf-0'])
  })

  it('K2: backs off from a replica that keeps exiting, and says why in condition, event and metric', async () => {
    await gateway.apply('crashing', { image, env: { EXIT_AFTER_MS: '50', EXIT_CODE: '7', NEVER_LISTEN: '1' } })
    const condition = await gateway.reason('crashing', 'Degraded', 'CrashLoopBackOff')
    expect(condition.message).to.match(/exited with code 7.*testkit exits with 7/s)
    const { restarts } = (await gateway.get('crashing')).status
    expect(restarts[0]?.count).to.be.at.least(2)
    const events = JSON.parse((await gateway.call('GET', '/v1/functions/crashing/events')).text)
    expect(JSON.stringify(events)).to.contain('ReplicaExited')
    expect(await gateway.metrics()).to.match(
      /docker_faas_reconcile_lag_seconds\{namespace="openfaas-fn",function="crashing"\} [1-9]/
    )
    await gateway.call('DELETE', '/v1/functions/crashing')
  })

  it('K1: says OOMKilled of a replica that ran out of memory', async () => {
    await gateway.apply('hog', { image, limits: { memory: '64Mi' } })
    await gateway.converged('hog')
    await gateway.call('GET', '/function/hog/oom')
    await eventually(async () => {
      const events = (await gateway.call('GET', '/v1/functions/hog/events')).text
      expect(events).to.contain('OOMKilled')
    })
    await gateway.converged('hog')
    await gateway.call('DELETE', '/v1/functions/hog')
  })

  it('K14: kills a replica that ignores SIGTERM after the grace time', async () => {
    await gateway.apply('stubborn', { image, env: { IGNORE_TERM: '1' } })
    await gateway.converged('stubborn')
    await gateway.call('DELETE', '/v1/functions/stubborn')
    await eventually(async () => expect(await gateway.containers('stubborn')).to.deep.equal([]), { timeoutMs: 30_000 })
  })

  it('does nothing to Docker and writes nothing when all is quiet', async () => {
    await gateway.apply('at-rest', { image })
    await gateway.converged('at-rest')
    const digest = async () => {
      const { metadata } = await gateway.get('at-rest')
      return createHash('sha256')
        .update(JSON.stringify([metadata, await idsOf('at-rest')]))
        .digest('hex')
    }
    const before = await digest()
    for (let i = 0; i < 3; i++) {
      expect((await gateway.call('POST', '/v1/reconcile')).status).to.equal(202)
      await eventually(async () => {
        const { queueDepth, running } = JSON.parse((await gateway.call('GET', '/v1/reconcile')).text)
        expect(queueDepth + running).to.equal(0)
      })
    }
    expect(await digest()).to.equal(before)
    const plan = JSON.parse((await gateway.call('GET', '/v1/plan')).text)
    expect(plan.functions.find((f: { key: string }) => f.key === 'openfaas-fn/at-rest').steps).to.deep.equal([])
  })

  it('shows in a dry run what it would do, and does not do it', async () => {
    const answer = await gateway.call('POST', '/v1/functions?dryRun=true', {
      metadata: { name: 'dry' },
      spec: { image }
    })
    expect(answer.status).to.be.oneOf([200, 201])
    expect(JSON.parse(answer.text).plan).to.deep.equal([
      `create network ${gateway.networkOf('dry')}: missing`,
      'create dry-0: missing',
      'start dry-0: missing'
    ])
    expect((await gateway.call('GET', '/v1/functions/dry')).status).to.equal(404)
  })

  it('adopts everything after a restart of the gateway and recreates nothing', async () => {
    await gateway.apply('unmoved', { image, replicas: 2 })
    await gateway.converged('unmoved')
    const before = await idsOf('unmoved')
    await gateway.stop()
    expect(await idsOf('unmoved')).to.deep.equal(before)
    await gateway.start()
    expect((await gateway.call('GET', '/function/unmoved')).status).to.equal(200)
    await gateway.converged('unmoved')
    expect(await idsOf('unmoved')).to.deep.equal(before)
  })

  it('publishes debug ports on 127.0.0.1 only and shows them', async () => {
    await gateway.apply('debugged', { image, debug: true })
    const { status } = await gateway.converged('debugged')
    expect(status.debugPorts.map(p => p.containerPort).sort()).to.deep.equal([40000, 5678, 9229].sort())
    expect(new Set(status.debugPorts.map(p => p.address))).to.deep.equal(new Set(['127.0.0.1']))
  })

  it('N3: says SubnetsExhausted when the pool is used up, leaves the others alone, and goes on when one is freed', async () => {
    const small = await TestGateway.start({ FUNCTIONS_SUBNET_POOL: '10.127.250.0/24', MAX_REPLICAS: '60' })
    try {
      const hello = await helloImage()
      for (const name of ['pool-a', 'pool-b']) {
        await small.apply(name, { image: hello })
        await small.converged(name)
      }
      await small.apply('pool-c', { image: hello })
      await small.reason('pool-c', 'Degraded', 'SubnetsExhausted')
      expect((await small.call('GET', '/function/pool-a')).status).to.equal(200)
      await small.call('DELETE', '/v1/functions/pool-a')
      await small.converged('pool-c')
      expect((await small.call('GET', '/function/pool-c')).status).to.equal(200)
    } finally {
      await small.close()
    }
  })
})

describe('more functions at once than Docker has networks', function () {
  this.timeout(180_000)

  it('all come up, past the 31 of Docker’s own pools, and all go again', async () => {
    const gateway = await TestGateway.start()
    try {
      const image = await helloImage()
      const names = Array.from({ length: FUNCTIONS }, (_, i) => `fn-${i}`)
      await Promise.all(names.map(name => gateway.apply(name, { image })))
      await Promise.all(names.map(name => gateway.converged(name, 120_000)))
      const answers = await Promise.all(names.map(name => gateway.call('POST', `/function/${name}`, name)))
      expect(answers.filter(({ status }) => status !== 200)).to.deep.equal([])
      expect(await gateway.networks()).to.have.length(FUNCTIONS)
      await Promise.all(names.map(name => gateway.call('DELETE', `/v1/functions/${name}`)))
      await eventually(
        async () => expect([await gateway.containers(), await gateway.networks()]).to.deep.equal([[], []]),
        { timeoutMs: 120_000, intervalMs: 500 }
      )
    } finally {
      await gateway.close()
    }
  })
})
