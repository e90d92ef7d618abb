import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { expect } from 'chai'
import type { DebugPort } from '../../api/function.ts'
import { eventually } from '../helpers/eventually.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { testkitImage } from '../helpers/images.ts'
import { evaluateIn, inspectorVersion } from '../helpers/inspector.ts'

/** Node tells debuggers of its process on the port that is bound for them. */
const INSPECTED = { NODE_OPTIONS: '--inspect=0.0.0.0:9229' }

describe('debug ports on a real engine', function () {
  this.timeout(90_000)
  let gateway: TestGateway
  let image: string
  const listeners: Server[] = []

  before(async () => {
    image = await testkitImage()
    gateway = await TestGateway.start({ DEBUG_PORT_RANGE: '21000-21099' })
  })
  after(() => gateway.close())
  afterEach(() => {
    for (const server of listeners.splice(0)) server.close()
  })

  /** Waits until the function is as wanted; gives its ports by what they lead to. */
  async function portsOf(name: string): Promise<Map<number, DebugPort>> {
    const { status } = await gateway.converged(name)
    return new Map(status.debugPorts.map(port => [port.containerPort, port]))
  }

  async function nodePortOf(name: string): Promise<DebugPort> {
    const port = (await portsOf(name)).get(9229)
    if (port === undefined) throw new Error(`${name} has no port of the Node inspector`)
    return port
  }

  async function occupy({ address, hostPort }: DebugPort): Promise<void> {
    listeners.push(createServer().listen(hostPort, address))
    await once(listeners.at(-1) as Server, 'listening')
  }

  /** Waits until there is an event of it with this reason; gives its message. */
  function told(name: string, reason: string): Promise<string> {
    return eventually(async () => {
      const { text } = await gateway.call('GET', `/v1/functions/${name}/events`)
      const event = JSON.parse(text).items.find((each: { reason: string }) => each.reason === reason)
      if (event === undefined) throw new Error(`${name} was not told of ${reason}: ${text}`)
      return event.message
    })
  }

  it('lead to the debugger of the function, and the log and an event say where to attach', async () => {
    await gateway.apply('attached', { image, debug: true, env: INSPECTED })
    const port = await nodePortOf('attached')
    expect(port).to.include({ ordinal: 0, address: '127.0.0.1' })
    expect(port.hostPort).to.be.within(21_000, 21_099)
    expect(await inspectorVersion(port)).to.include({ 'Protocol-Version': '1.1' })
    expect(await evaluateIn(port, 'process.env.OPENFAAS_NAME')).to.equal('attached')
    const where = `Node inspector at 127.0.0.1:${port.hostPort}`
    expect(await told('attached', 'DebugPortsBound')).to.contain(where)
    expect(gateway.log.find(line => line.includes('Bound debug ports'))).to.contain(where)
    const { text } = await gateway.call('GET', '/system/function/attached/containers')
    const { Id: id, NetworkSettings: network } = await gateway.docker.getContainer('attached-0').inspect()
    const [container, ...others] = JSON.parse(text)
    expect(others).to.deep.equal([])
    expect(container).to.deep.include({ id, name: 'attached-0', status: 'running' })
    expect(container.ipAddress).to.equal(network.Networks[gateway.networkOf('attached')]?.IPAddress)
    expect(container.ports)
      .to.include({ '9229/tcp': `127.0.0.1:${port.hostPort}` })
      .and.to.have.keys(['5678/tcp', '40000/tcp', '9229/tcp'])
    expect(Date.parse(container.createdAt)).to.be.within(Date.now() - 60_000, Date.now() + 1000)
    expect((await gateway.call('GET', '/system/function/nobody/containers')).status).to.equal(404)
  })

  it('P1: another port of the range takes the place of one that somebody else listens on', async () => {
    await gateway.apply('moved', { image, debug: true, env: INSPECTED })
    const before = await portsOf('moved')
    const taken = before.get(9229) as DebugPort
    await gateway.stop()
    await gateway.docker.getContainer('moved-0').remove({ force: true })
    await occupy(taken)
    await gateway.start()
    await told('moved', 'PortInUse')
    const port = await eventually(async () => {
      const found = await nodePortOf('moved')
      expect(found.hostPort).not.to.equal(taken.hostPort)
      return found
    })
    expect(await evaluateIn(port, 'process.env.OPENFAAS_NAME')).to.equal('moved')
    expect((await portsOf('moved')).get(5678)).to.deep.equal(before.get(5678))
    const { conditions } = (await gateway.get('moved')).status
    expect(conditions.find(({ type }) => type === 'Degraded')).to.include({ status: 'False' })
  })

  it('P2: an update keeps the port and fails no call, and one that is killed comes back on it', async () => {
    await gateway.apply('stable', { image, debug: true, env: { ...INSPECTED, VERSION: '1' } })
    const before = await portsOf('stable')
    const answers = new Set<string>()
    let calling = true
    const caller = (async () => {
      while (calling) {
        const { status, text } = await gateway.call('GET', '/function/stable')
        answers.add(status === 200 ? JSON.parse(text).env : `${status} ${text}`)
      }
    })()
    await gateway.apply('stable', { image, debug: true, env: { ...INSPECTED, VERSION: '2' } })
    expect(await portsOf('stable')).to.deep.equal(before)
    await eventually(() => expect([...answers].sort()).to.deep.equal(['1', '2']))
    calling = false
    await caller
    expect([...answers].sort()).to.deep.equal(['1', '2'])
    expect(await evaluateIn(await nodePortOf('stable'), 'process.env.VERSION')).to.equal('2')
    await gateway.docker.getContainer('stable-0').kill()
    await eventually(async () => {
      const [container] = await gateway.docker.listContainers({ filters: { name: ['stable-0'] } })
      expect(container?.State).to.equal('running')
      expect(await portsOf('stable')).to.deep.equal(before)
    })
  })

  it('P2: follow the address and the flag, and status says what is bound', async () => {
    await gateway.apply('rebound', { image, debug: true, env: INSPECTED })
    const before = await nodePortOf('rebound')
    await gateway.stop()
    await gateway.start({ DEBUG_BIND_ADDRESS: '127.0.0.2' })
    const port = await eventually(
      async () => {
        const found = await nodePortOf('rebound')
        expect(found).to.deep.equal({ ...before, address: '127.0.0.2' })
        return found
      },
      { timeoutMs: 30_000 }
    )
    expect(await evaluateIn(port, 'process.env.OPENFAAS_NAME')).to.equal('rebound')
    expect(await inspectorVersion(before).catch(err => err.code)).to.equal('ECONNREFUSED')
    await gateway.stop()
    await gateway.start()
    await eventually(async () => expect(await nodePortOf('rebound')).to.deep.equal(before), { timeoutMs: 30_000 })
    await gateway.apply('rebound', { image, debug: false, env: INSPECTED })
    expect((await portsOf('rebound')).size).to.equal(0)
    expect(await inspectorVersion(before).catch(err => err.code)).to.equal('ECONNREFUSED')
    await gateway.apply('rebound', { image, debug: true, env: INSPECTED })
    expect(await nodePortOf('rebound')).to.deep.equal(before)
  })

  it('keep the old revision when the host lacks the address, and say so; functions without debug are as before', async () => {
    await gateway.apply('plain', { image })
    await gateway.converged('plain')
    const before = await nodePortOf('attached')
    await gateway.stop()
    await gateway.start({ DEBUG_BIND_ADDRESS: '192.0.2.77' })
    const { message } = await gateway.reason('attached', 'Degraded', 'DebugAddressMissing', 30_000)
    expect(message).to.contain('cannot assign requested address').and.to.contain('DEBUG_BIND_ADDRESS')
    await eventually(async () => {
      const { status } = await gateway.get('attached')
      expect(status.debugPorts.find(port => port.containerPort === 9229)).to.deep.equal(before)
    })
    expect((await gateway.call('GET', '/function/attached')).status).to.equal(200)
    await gateway.converged('plain')
    await gateway.stop()
    await gateway.start()
    expect(await nodePortOf('attached')).to.deep.equal(before)
  })
})
