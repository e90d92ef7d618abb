import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { useTestRun } from '../helpers/docker-run.ts'
import { eventually } from '../helpers/eventually.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { testkitImage } from '../helpers/images.ts'

/** Windows as short as containers start fast; nothing else differs from an installation. */
const WINDOWS = { AUTOSCALER_STABLE_WINDOW: '2s', AUTOSCALER_BURST_WINDOW: '1s' }

const labelsOf = (said: Record<string, string>) =>
  Object.fromEntries(Object.entries(said).map(([name, value]) => [`com.openfaas.scale.${name}`, value]))

describe('the autoscaler over real containers', function () {
  this.timeout(90_000)
  useTestRun()
  let gateway: TestGateway
  let image: string

  before(async () => {
    image = await testkitImage()
    gateway = await TestGateway.start(WINDOWS)
  })
  after(() => gateway.close())

  const ready = async (name: string, replicas: number) => {
    await eventually(
      async () => {
        const { spec, status } = await gateway.get(name)
        const seen = [spec.replicas, status.readyReplicas, status.replicas]
        expect(seen).to.deep.equal([replicas, replicas, replicas])
      },
      { timeoutMs: 60_000, intervalMs: 200 }
    )
  }
  const events = async (name: string): Promise<string[]> => {
    const { items } = JSON.parse((await gateway.call('GET', `/v1/functions/${name}/events`)).text)
    return items
      .filter(({ reason }: { reason: string }) => reason === 'Scaled')
      .map((e: { message: string }) => e.message)
  }

  it('goes from one replica to three under load and back to one, and no call fails', async () => {
    const labels = labelsOf({ target: '15', max: '3' })
    await gateway.apply('load', { image }, { labels })
    await gateway.converged('load')
    let pauseMs = 20
    let isCalling = true
    const statuses = new Map<number, number>()
    // So many that they are enough also where a call takes a tenth of a second.
    const callers = Array.from({ length: 8 }, async () => {
      while (isCalling) {
        const { status } = await gateway.call('GET', '/function/load')
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        await sleep(pauseMs)
      }
    })
    await ready('load', 3)
    const text = await gateway.metrics()
    expect(text).to.include('gateway_service_target{function_name="load.openfaas-fn"} 15')
    expect(text).to.include('gateway_service_min{function_name="load.openfaas-fn"} 1')
    pauseMs = 1000
    await ready('load', 1)
    isCalling = false
    await Promise.all(callers)
    expect([...statuses.keys()]).to.deep.equal([200])
    const messages = await events('load')
    expect(messages.some(message => message.endsWith('to 3 replicas: above-target'))).to.equal(true)
    expect(messages.some(message => message.endsWith('to 1 replicas: below-target'))).to.equal(true)
  })

  it('follows the CPU that its containers use', async () => {
    const labels = labelsOf({ type: 'cpu', target: '100', max: '2' })
    await gateway.apply('cpu', { image }, { labels })
    await gateway.converged('cpu')
    let isCalling = true
    const busy = (async () => {
      while (isCalling) expect((await gateway.call('GET', '/function/cpu/spin?ms=30')).status).to.equal(200)
    })()
    await ready('cpu', 2)
    isCalling = false
    await busy
  })

  it('marks an idle function as frozen, and takes it to zero', async () => {
    const labels = labelsOf({ zero: 'true', 'zero-duration': '1s' })
    const annotations = { 'com.docker-faas.scale.freeze-duration': '2s' }
    await gateway.apply('resting', { image }, { labels, annotations })
    const frozen = await eventually(async () => {
      const { scale, spec } = await gateway.get('resting')
      expect(scale?.frozenSince).to.be.a('string')
      return spec.replicas
    })
    expect(frozen).to.equal(1)
    await ready('resting', 0)
    expect(await gateway.containers('resting')).to.deep.equal([])
    expect((await gateway.get('resting')).scale).to.equal(undefined)
    expect(await events('resting')).to.deep.equal(['from 1 to 0 replicas: frozen-long-enough'])
  })
})
