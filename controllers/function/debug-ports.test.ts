import { expect } from 'chai'
import { getCondition } from '../../api/condition.ts'
import type { DebugPort } from '../../api/function.ts'
import { LABEL } from '../../api/labels.ts'
import { BARE_SPEC, POLICY, SIGNER } from '../../test/helpers/builders.ts'
import { Loop } from '../../test/helpers/loop.ts'
import { refusedPorts } from './debug-ports.ts'

const RANGE = POLICY.debugPortRange

describe('FunctionReconciler, of a function with debug', () => {
  let loop: Loop

  beforeEach(async () => {
    loop = await Loop.open()
  })
  afterEach(() => loop.close())

  async function portsOf(name = 'hello'): Promise<readonly DebugPort[]> {
    return (await loop.get(name)).status.debugPorts
  }

  /** The ports, on which the function has come to rest. */
  async function deployed(name = 'hello', spec: Parameters<Loop['put']>[0] = {}): Promise<readonly DebugPort[]> {
    await loop.put({ name, debug: true, ...spec })
    await loop.settle(name)
    return portsOf(name)
  }

  /** Reason → message of the events. */
  async function told(): Promise<Map<string, string>> {
    const events = await loop.store.events.list({ namespaces: new Set(['openfaas-fn']) })
    return new Map(events.map(({ reason, message }) => [reason, message]))
  }

  /** The calls that do something, since `from`, without ids. */
  function calls(from: number): string[] {
    return loop.engine.journal.slice(from).map(call => call.replace(/ [0-9a-f]{64}/g, '').trim())
  }

  it('binds each debugger on a port of the range, on the configured address, and says so', async () => {
    const ports = await deployed()
    expect(ports.map(p => p.containerPort)).to.deep.equal([40_000, 5678, 9229])
    for (const { address, hostPort } of ports) {
      expect(address).to.equal('127.0.0.1')
      expect(hostPort).to.be.within(RANGE.first, RANGE.last)
    }
    expect((await told()).get('DebugPortsBound')).to.match(
      /^replica 0: Delve at 127\.0\.0\.1:\d+, debugpy at 127\.0\.0\.1:\d+, Node inspector at 127\.0\.0\.1:\d+$/
    )
  })

  it('P2: keeps its ports through exits, updates, a new process and a new deployment of its name', async () => {
    const ports = await deployed('hello', { replicas: 2 })
    expect(new Set(ports.map(p => p.hostPort)).size).to.equal(6)
    loop.engine.exit('hello-0', 137)
    await loop.settle()
    expect(await portsOf()).to.deep.equal(ports)
    loop.restart()
    expect(await deployed('hello', { replicas: 2, env: { N: '1' } })).to.deep.equal(ports)
    await loop.engine.removeContainer('hello-1')
    loop.restart()
    await loop.settle()
    expect(await portsOf()).to.deep.equal(ports)
    await loop.store.functions.markDeleted('openfaas-fn/hello')
    await loop.put({ debug: true, replicas: 2 })
    await loop.settle()
    expect(await portsOf()).to.deep.equal(ports)
  })

  it('P2: keeps a port that it got as its first choice was taken, when it exits and when it is updated', async () => {
    const [first] = await deployed()
    loop.engine.holdPort(first?.hostPort ?? 0)
    loop.engine.exit('hello-0', 137)
    await loop.pass().catch(() => undefined)
    await loop.settle()
    const moved = await portsOf()
    expect(moved[0]?.hostPort).not.to.equal(first?.hostPort)
    loop.engine.releasePort(first?.hostPort ?? 0)
    loop.restart()
    loop.engine.exit('hello-0', 137)
    await loop.settle()
    expect(await portsOf()).to.deep.equal(moved)
    expect(await deployed('hello', { image: 'hello:2' })).to.deep.equal(moved)
  })

  it('makes the successor first, then stops the old replica, then starts the successor on its ports', async () => {
    await deployed()
    const from = loop.engine.journal.length
    await deployed('hello', { image: 'hello:2' })
    expect(calls(from)).to.deep.equal([
      'container_rename',
      'container_create hello-0',
      'container_kill',
      'container_start',
      'container_remove'
    ])
  })

  it('takes one of several replicas away at a time, and none when the image is not there', async () => {
    await deployed('hello', { replicas: 3 })
    const from = loop.engine.journal.length
    await loop.put({ debug: true, replicas: 3, image: 'missing:1' })
    for (let i = 0; i < 5; i++) await loop.pass()
    expect(calls(from)).to.deep.equal(['image_pull missing:1'])
    await loop.put({ debug: true, replicas: 3, image: 'hello:2' })
    let least = 3
    for (let i = 0; i < 60; i++) {
      const { requeueAfter } = await loop.pass()
      least = Math.min(least, loop.endpoints.get('openfaas-fn/hello')?.endpoints.length ?? 0)
      loop.clock.advance(requeueAfter ?? 1)
    }
    expect(least).to.equal(2)
    expect((await loop.get()).status).to.include({ readyReplicas: 3, outdatedReplicas: 0 })
  })

  it('never shares a port with another function, whether that runs or not', async () => {
    const all: number[] = []
    for (let n = 0; n < 30; n++) all.push(...(await deployed(`fn-${n}`)).map(p => p.hostPort))
    expect(new Set(all).size).to.equal(90)
    loop.engine.exit('fn-0-0', 1)
    loop.restart()
    const more = (await deployed('late')).map(p => p.hostPort)
    expect(all.filter(port => more.includes(port))).to.deep.equal([])
  })

  it('P1: takes another port for one that somebody else listens on, and keeps the others', async () => {
    const before = await deployed()
    const taken = before[2]?.hostPort ?? 0
    loop.engine.exit('hello-0', 137)
    loop.engine.holdPort(taken)
    await loop.pass().catch(() => undefined)
    const degraded = getCondition((await loop.get()).status.conditions, 'Degraded')
    expect(degraded).to.include({ status: 'True', reason: 'PortInUse' })
    expect(degraded?.message).to.contain(String(taken))
    await loop.settle()
    const after = await portsOf()
    expect(after.slice(0, 2)).to.deep.equal(before.slice(0, 2))
    expect(after[2]?.hostPort).not.to.equal(taken)
    expect(loop.engine.journal.filter(call => call.startsWith('container_start'))).to.have.length(3)
    expect(getCondition((await loop.get()).status.conditions, 'Degraded')?.status).to.equal('False')
    expect((await told()).get('PortInUse')).to.contain(String(taken))
  })

  it('P1: goes on to ask for other ports, each few seconds, until somebody lets go of one', async () => {
    const [node] = await deployed('hello')
    for (let port = RANGE.first; port <= RANGE.last; port++) loop.engine.holdPort(port)
    loop.engine.exit('hello-0', 137)
    const from = loop.engine.journal.length
    for (let second = 0; second < 600; second++) {
      await loop.pass().catch(() => undefined)
      loop.clock.advance(1000)
    }
    const tries = calls(from).filter(call => call.startsWith('container_start')).length
    expect(tries).to.be.within(90, 130)
    expect(getCondition((await loop.get()).status.conditions, 'Ready')).to.include({ reason: 'PortInUse' })
    for (let port = RANGE.first; port <= RANGE.last; port++) loop.engine.releasePort(port)
    for (let second = 0; second < 7; second++) {
      await loop.pass().catch(() => undefined)
      loop.clock.advance(1000)
    }
    expect((await loop.get()).status).to.include({ readyReplicas: 1 })
    expect(await portsOf())
      .to.have.length(3)
      .and.not.to.deep.include(node)
  })

  it('P1: says DebugPortsExhausted when the range is used up, leaves others alone, and comes up when there is room', async () => {
    for (let n = 0; n < 33; n++) await deployed(`fn-${n}`)
    await loop.put({ name: 'late', debug: true })
    await loop.pass('late').catch(() => undefined)
    expect(getCondition((await loop.get('late')).status.conditions, 'Ready')).to.include({
      status: 'False',
      reason: 'DebugPortsExhausted'
    })
    expect((await loop.get('fn-0')).status.readyReplicas).to.equal(1)
    await loop.put({ name: 'fn-0', debug: false })
    await loop.settle('fn-0')
    loop.clock.advance(120_000)
    await loop.settle('late')
    expect(await portsOf('late')).to.have.length(3)
  })

  it('P1: is made anew when its port was taken while it was off its network', async () => {
    const [first] = await deployed()
    await loop.engine.disconnectNetwork('test-net-hello', 'hello-0')
    loop.engine.holdPort(first?.hostPort ?? 0)
    await loop.pass().catch(() => undefined)
    await loop.settle()
    const ports = await portsOf()
    expect(ports).to.have.length(3)
    expect(ports[0]?.hostPort).not.to.equal(first?.hostPort)
  })

  it('leaves alone what an earlier release made, with ports that the engine picked, until something else replaces it', async () => {
    await deployed()
    const [made] = loop.engine.containers()
    if (made === undefined) throw new Error('nothing was made')
    const { [LABEL.debugPorts]: _, ...labels } = made.labels
    await loop.engine.removeContainer(made.id)
    await loop.engine.createContainer({
      ...BARE_SPEC,
      name: made.name,
      network: 'test-net-hello',
      labels: SIGNER.sign(labels, { kind: 'container', imageId: made.imageId }),
      memoryBytes: made.memoryBytes,
      nanoCpus: made.nanoCpus,
      ports: [{ containerPort: 9229, address: '127.0.0.1', hostPort: 0 }]
    })
    await loop.engine.startContainer(made.name)
    const from = loop.engine.journal.length
    await loop.settle()
    expect(calls(from)).to.deep.equal([])
    expect((await portsOf()).map(p => p.hostPort)).to.deep.equal([32_768])
    const ports = await deployed('hello', { image: 'hello:2' })
    expect(ports.every(p => p.hostPort >= RANGE.first && p.hostPort <= RANGE.last)).to.equal(true)
  })

  it('shows no port of a replica that does not run, and none when debug is turned off', async () => {
    await deployed()
    loop.engine.exit('hello-0', 1)
    await loop.pass()
    expect(await portsOf()).to.deep.equal([])
    await loop.settle()
    expect(await portsOf()).to.have.length(3)
    expect(await deployed('hello', { debug: false })).to.deep.equal([])
    expect(await deployed('hello', { debug: true })).to.have.length(3)
  })
})

describe('refusedPorts', () => {
  const bindings = [20_001, 20_010].map((hostPort, i) => ({ containerPort: i, address: '127.0.0.1', hostPort }))

  it('are those that the engine names', () => {
    const said = 'Error starting userland proxy: listen tcp4 127.0.0.1:20010: bind: address already in use'
    expect(refusedPorts(said, bindings)).to.deep.equal([20_010])
    expect(refusedPorts('Bind for 127.0.0.1:20001 failed: port is already allocated', bindings)).to.deep.equal([20_001])
  })

  it('are all when it names none of them, and none when it says something else', () => {
    expect(refusedPorts('port is already allocated', bindings)).to.deep.equal([20_001, 20_010])
    expect(refusedPorts('listen tcp4 127.0.0.1:200100: bind: address already in use', bindings)).to.have.length(2)
    expect(refusedPorts('exec: "nope": executable file not found', bindings)).to.deep.equal([])
  })
})
