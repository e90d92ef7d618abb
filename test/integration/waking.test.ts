import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'
import { expect } from 'chai'
import { useTestRun } from '../helpers/docker-run.ts'
import { eventually } from '../helpers/eventually.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { PASSWORD } from '../helpers/gateway-client.ts'
import { testkitImage } from '../helpers/images.ts'

/** It freezes as soon as the autoscaler may, and stays frozen. */
const LABELS = { 'com.openfaas.scale.zero': 'true', 'com.openfaas.scale.zero-duration': '1s' }
const ANNOTATIONS = { 'com.docker-faas.scale.freeze-duration': '1h' }

describe('functions that sleep, over real containers', function () {
  this.timeout(60_000)
  useTestRun()
  let gateway: TestGateway
  let image: string

  before(async () => {
    image = await testkitImage()
    gateway = await TestGateway.start({ STOP_GRACE: '1s' })
  })
  after(() => gateway.close())

  const state = async (name: string) => {
    const { State } = await gateway.docker.getContainer(`${name}-0`).inspect()
    return State.Status
  }
  /** Its status may be that of before its last call yet. */
  const frozen = async () => {
    await eventually(async () => expect(await state('idle')).to.equal('paused'))
    await gateway.reason('idle', 'Ready', 'Frozen')
  }
  const metric = async (name: string) => {
    const line = new RegExp(`^${name}\\{function_name="\\w+.openfaas-fn"\\} (\\d+)$`, 'm').exec(await gateway.metrics())
    return Number(line?.[1])
  }
  const events = async (name: string): Promise<string[]> => {
    const { items } = JSON.parse((await gateway.call('GET', `/v1/functions/${name}/events`)).text)
    return items.map(({ reason }: { reason: string }) => reason)
  }

  it('X11: answers 1,000 calls at once of a function at zero by one start', async () => {
    await gateway.apply('cold', { image, replicas: 1 })
    await gateway.converged('cold')
    await gateway.scale('cold', 0)
    await gateway.converged('cold')
    const before = await metric('faas_function_held_calls_total')
    const agent = new Agent({ maxSockets: 1000 })
    const options = { port: gateway.port, path: '/function/cold', auth: `admin:${PASSWORD}`, agent }
    const calls = Array.from({ length: 1000 }, async () => {
      const [res] = (await once(get(options), 'response')) as [IncomingMessage]
      res.resume()
      return res.statusCode
    })
    const statuses = await Promise.all(calls)
    agent.destroy()
    expect(new Set(statuses)).to.deep.equal(new Set([200]))
    const filters = { label: [`com.docker-faas.instance=${gateway.instance}`] }
    expect((await gateway.docker.listContainers({ all: true, filters })).length).to.equal(1)
    expect((await metric('faas_function_held_calls_total')) - before).to.be.within(1, 1000)
    expect(await metric('faas_function_wakes_total')).to.equal(1)
    await eventually(async () => expect(await events('cold')).to.include('Woken'))
    const { spec, scale } = await gateway.get('cold')
    expect([spec.replicas, scale]).to.deep.equal([1, undefined])
    await gateway.call('DELETE', '/v1/functions/cold')
    await eventually(async () => expect(await gateway.containers('cold')).to.deep.equal([]))
  })

  it('X12: freezes an idle function, never with a call in it, and thaws it for the next call, also after a restart', async () => {
    await gateway.apply('idle', { image, replicas: 1 }, { labels: LABELS, annotations: ANNOTATIONS })
    await gateway.converged('idle')
    const { Id } = await gateway.docker.getContainer('idle-0').inspect()
    // Longer than the function may be idle: were it frozen meanwhile, it would not be answered.
    expect((await gateway.call('GET', '/function/idle/?delayMs=2500')).status).to.equal(200)
    await frozen()
    const { status } = await gateway.get('idle')
    expect([status.readyReplicas, status.frozenReplicas]).to.deep.equal([0, 1])
    expect(await metric('faas_function_replicas_frozen')).to.equal(1)
    const { text } = await gateway.call('GET', '/system/function/idle')
    expect(JSON.parse(text)).to.include({ replicas: 1, availableReplicas: 0 })

    expect((await gateway.call('GET', '/function/idle')).status).to.equal(200)
    await eventually(async () => expect(await events('idle')).to.include.members(['Frozen', 'Thawed']))
    expect(await events('idle'), 'as Frozen tells it').to.not.include('Scaled')
    expect(await gateway.metrics()).to.match(
      /^faas_autoscaler_decisions_total\{direction="thaw",reason="called"\} [1-9]/m
    )
    expect(await metric('faas_function_thaws_total')).to.equal(1)
    expect(await events('idle')).to.not.include('DriftRepaired')

    await frozen()
    await gateway.stop()
    await gateway.start()
    expect(await state('idle')).to.equal('paused')
    expect((await gateway.call('GET', '/function/idle')).status).to.equal(200)
    expect((await gateway.docker.getContainer('idle-0').inspect()).Id).to.equal(Id)
    await frozen()
    await gateway.scale('idle', 0)
    await eventually(async () => expect(await gateway.containers('idle')).to.deep.equal([]))
  })

  it('keeps calls waiting while the quota of the namespace has no room for a replica, and answers them once it has', async () => {
    const quota = (replicas: string) => ({ 'com.docker-faas.quota.replicas': replicas })
    await gateway.createNamespace('full', quota('0'))
    await gateway.apply('cold', { image, replicas: 0 }, { namespace: 'full' })
    await eventually(async () =>
      expect((await gateway.get('cold?namespace=full')).status.observedGeneration).to.equal(1)
    )
    const call = gateway.call('GET', '/function/cold.full')
    const reached = async () =>
      JSON.parse((await gateway.call('GET', '/v1/events?namespace=full')).text).items.map(
        ({ reason }: { reason: string }) => reason
      )
    await eventually(async () => expect(await reached()).to.include('QuotaReached'))
    expect((await gateway.get('cold?namespace=full')).spec.replicas).to.equal(0)
    const patch = { metadata: { annotations: quota('1') } }
    expect((await gateway.call('PATCH', '/v1/namespaces/full', patch)).status).to.equal(200)
    // Nobody calls it again: the one that waits is enough.
    expect((await call).status).to.equal(200)
    expect(await gateway.containers()).to.include('cold.full-0')
  })
})
