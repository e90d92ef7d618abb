import { expect } from 'chai'
import { getCondition } from '../../api/condition.ts'
import { exposedDebugPorts, readListeners } from '../../hack/listeners.ts'
import { eventually } from '../helpers/eventually.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { helloImage } from '../helpers/images.ts'

const RANGE = { first: 21_100, last: 21_199 }
const WARNING = 'Debug ports are bound where other hosts reach them'

describe('debug ports and other hosts', function () {
  this.timeout(60_000)
  let gateway: TestGateway

  before(async () => {
    gateway = await TestGateway.start({ DEBUG_PORT_RANGE: `${RANGE.first}-${RANGE.last}` })
    await gateway.apply('debuggee', { image: await helloImage(), debug: true })
    await gateway.apply('undebugged', { image: await helloImage() })
  })
  after(() => gateway.close())

  async function restart(address: string): Promise<void> {
    await gateway.stop()
    gateway.log.splice(0)
    await gateway.start({ DEBUG_BIND_ADDRESS: address })
  }

  /** Waits until the ports are on the address; gives the condition that they are exposed. */
  function boundOn(address: string) {
    return eventually(
      async () => {
        const { status } = await gateway.converged('debuggee')
        expect(status.debugPorts.map(port => port.address)).to.deep.equal([address, address, address])
        return { status, exposed: getCondition(status.conditions, 'Exposed') }
      },
      { timeoutMs: 30_000 }
    )
  }

  /** Those of the function that the kernel shows. */
  const listening = () => readListeners().filter(({ port }) => port >= RANGE.first && port <= RANGE.last)

  it('S10: are on 127.0.0.1 only, unless told otherwise', async () => {
    const { exposed } = await boundOn('127.0.0.1')
    expect(exposed).to.equal(undefined)
    expect(gateway.log.filter(line => line.includes(WARNING))).to.deep.equal([])
    expect(listening().map(({ address }) => address)).to.deep.equal(['127.0.0.1', '127.0.0.1', '127.0.0.1'])
    expect(exposedDebugPorts(readListeners(), RANGE)).to.deep.equal([])
  })

  for (const address of ['0.0.0.0', '::']) {
    it(`S10: on ${address} are warned of in the log, by an event and by a condition, and the function is ready all the same`, async () => {
      await restart(address)
      expect(gateway.log.find(line => line.includes(WARNING))).to.contain(`"address":"${address}"`)
      const { status, exposed } = await boundOn(address)
      expect(exposed).to.include({ status: 'True', reason: 'DebugPortsExposed' })
      expect(exposed?.message).to.contain(address).and.to.contain('DEBUG_BIND_ADDRESS=127.0.0.1')
      expect(getCondition(status.conditions, 'Ready')?.status).to.equal('True')
      expect(getCondition(status.conditions, 'Degraded')?.status).to.equal('False')
      expect(getCondition((await gateway.get('undebugged')).status.conditions, 'Exposed')).to.equal(undefined)
      const events = JSON.parse((await gateway.call('GET', '/v1/functions/debuggee/events')).text).items
      const event = events.find((each: { reason: string }) => each.reason === 'DebugPortsExposed')
      expect(event).to.include({ type: 'Warning' })
      expect(exposedDebugPorts(readListeners(), RANGE)).to.have.length(3)
    })
  }

  it('S10: are closed to other hosts when the address is taken back', async () => {
    await restart('127.0.0.1')
    const { exposed } = await boundOn('127.0.0.1')
    expect(exposed).to.equal(undefined)
    expect(exposedDebugPorts(readListeners(), RANGE)).to.deep.equal([])
  })
})
