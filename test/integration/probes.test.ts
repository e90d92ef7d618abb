import { expect } from 'chai'
import { useTestRun } from '../helpers/docker-run.ts'
import { eventually } from '../helpers/eventually.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { testkitImage } from '../helpers/images.ts'

const READY = 'com.openfaas.ready.http.'
const HEALTH = 'com.openfaas.health.http.'
const answering = (status: number) => `/?status=${status}`
const often = (prefix: string) => ({ [`${prefix}periodSeconds`]: '100ms' })

describe('probes by annotation, over real containers', function () {
  this.timeout(60_000)
  useTestRun()
  let gateway: TestGateway
  let image: string

  before(async () => {
    image = await testkitImage()
    gateway = await TestGateway.start({ STOP_GRACE: '1s' })
  })
  after(() => gateway.close())

  const apply = (name: string, annotations: Record<string, string>, env: Record<string, string> = {}) =>
    gateway.apply(name, { image, replicas: 1, env }, { annotations })
  const idOf = async (name: string) => (await gateway.docker.getContainer(`${name}-0`).inspect()).Id
  const isRunning = (name: string) =>
    eventually(async () =>
      expect((await gateway.docker.getContainer(`${name}-0`).inspect()).State.Running).to.equal(true)
    )
  const readyAt = (status: number) => ({ ...often(READY), [`${READY}path`]: answering(status) })

  it('makes a replica ready by its own path, and takes a changed annotation without a new container', async () => {
    await apply('unready', readyAt(503))
    await isRunning('unready')
    const id = await idOf('unready')
    await gateway.reason('unready', 'Ready', 'WaitingForReadiness')
    await apply('unready', readyAt(302))
    await gateway.converged('unready')
    expect(await idOf('unready')).to.equal(id)
    await apply('unready', { ...often(READY), [`${READY}path`]: '/stream?chunks=1000&intervalMs=100' })
    await gateway.converged('unready')
    await apply('unready', { ...readyAt(429), [`${READY}failureThreshold`]: '2' })
    await eventually(async () => expect((await gateway.get('unready')).status.readyReplicas).to.equal(0))
    expect(await idOf('unready')).to.equal(id)
  })

  it('lets the old revision serve until the new one is ready by its probe', async () => {
    await apply('rolled', readyAt(200), { VERSION: '1' })
    await gateway.converged('rolled')
    const asked = readyAt(503)
    await apply('rolled', asked, { VERSION: '2' })
    await eventually(async () => expect(await gateway.containers('rolled')).to.have.length(2))
    await isRunning('rolled')
    for (let call = 0; call < 3; call++) {
      expect(JSON.parse((await gateway.call('GET', '/function/rolled')).text)).to.include({ env: '1' })
    }
    await apply('rolled', readyAt(200), { VERSION: '2' })
    await gateway.converged('rolled')
    expect(JSON.parse((await gateway.call('GET', '/function/rolled')).text)).to.include({ env: '2' })
  })

  it('replaces a replica that fails its liveness probe, tells it, and leaves one alone that is only busy', async () => {
    const alive = { ...often(HEALTH), [`${HEALTH}path`]: answering(200), [`${HEALTH}initialDelaySeconds`]: '0' }
    await apply('hung', alive)
    await gateway.converged('hung')
    const id = await idOf('hung')
    // Node does nothing else meanwhile: two probes of a second fail, and the third has most of a second to be answered.
    expect((await gateway.call('GET', '/function/hung/spin?ms=2300')).status).to.equal(200)
    expect(await idOf('hung')).to.equal(id)
    await apply('hung', { ...alive, [`${HEALTH}path`]: answering(500) })
    await eventually(async () => {
      const { text } = await gateway.call('GET', '/v1/functions/hung/events')
      expect(text).to.contain('"LivenessFailed"').and.to.contain('answered 500')
    })
    expect(await gateway.metrics()).to.match(
      /^faas_function_liveness_failures_total\{function_name="hung.openfaas-fn"\} [1-9]/m
    )
    await gateway.reason('hung', 'Degraded', 'CrashLoopBackOff')
    await apply('hung', alive)
    await gateway.converged('hung')
    expect(await idOf('hung')).to.not.equal(id)
    expect(await gateway.containers('hung')).to.deep.equal(['hung-0'])
  })

  it('refuses what cannot be read, naming each annotation', async () => {
    const annotations = { [`${HEALTH}path`]: 'alive', [`${READY}periodSeconds`]: 'often' }
    const put = await gateway.call('PUT', '/system/functions', { service: 'bad', image, annotations })
    const post = await gateway.call('POST', '/system/functions', { service: 'bad', image, annotations })
    const v1 = await gateway.call('POST', '/v1/functions', { metadata: { name: 'bad', annotations }, spec: { image } })
    expect([put.status, post.status, v1.status]).to.deep.equal([404, 400, 400])
    for (const { text } of [post, v1]) expect(text).to.contain(`${HEALTH}path`).and.to.contain(`${READY}periodSeconds`)
  })
})
