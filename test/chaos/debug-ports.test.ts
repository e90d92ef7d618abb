import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { expect } from 'chai'
import type { DebugPort } from '../../api/function.ts'
import { parseListeners } from '../../hack/listeners.ts'
import { useChaos } from '../helpers/chaos.ts'
import { eventually } from '../helpers/eventually.ts'
import { killNow } from '../helpers/net-namespace.ts'

const RANGE = { first: 20_000, last: 21_999 }
const LISTEN = `require('net').createServer().listen(process.argv[1], '127.0.0.1', () => console.log('listens'))`

describe('debug ports, when the engine or its host starts anew', function () {
  this.timeout(120_000)
  const chaos = useChaos({ FUNCTIONS_MAY_CALL: 'nothing' }, { daemon: { 'shutdown-timeout': 2 } })
  const names = ['left', 'right']

  before('deploy functions with debug', async () => {
    const { gateway, run } = chaos()
    for (const name of names) await gateway.apply(name, { image: run.image, debug: true, replicas: 2 })
  })

  /** Waits until all is as wanted and runs; gives the ports of each function, which the kernel shows, too. */
  function portsNow(): Promise<(readonly DebugPort[])[]> {
    const { gateway, engine } = chaos()
    return eventually(
      async () => {
        const all = await Promise.all(
          names.map(async name => (await gateway.converged(name, 60_000)).status.debugPorts)
        )
        expect(all.map(ports => ports.length)).to.deep.equal([6, 6])
        const shown = ['tcp', 'tcp6']
          .flatMap(table => parseListeners(engine.namespace.run('cat', [`/proc/net/${table}`])))
          .filter(({ port }) => port >= RANGE.first && port <= RANGE.last)
          .map(({ address, port }) => `${address}:${port}`)
        const told = all.flat().map(({ address, hostPort }) => `${address}:${hostPort}`)
        for (const place of told) expect(shown).to.include(place)
        return all
      },
      { timeoutMs: 60_000, intervalMs: 200 }
    )
  }

  /** A process of the host that listens there, until it is killed. */
  async function occupy(port: number): Promise<ChildProcess> {
    const listener = chaos().engine.namespace.spawn(process.execPath, ['-e', LISTEN, String(port)], {
      stdio: ['ignore', 'pipe', 'inherit']
    })
    if (listener.stdout === null) throw new Error('it has no output')
    await once(createInterface(listener.stdout), 'line')
    return listener
  }

  it('P2: are the same after a restart of the engine, and after a loss of power with a new gateway', async () => {
    const { engine, gateway } = chaos()
    const before = await portsNow()
    expect(new Set(before.flat().map(({ hostPort }) => hostPort)).size).to.equal(12)
    await engine.stop()
    await gateway.reason('left', 'Ready', 'EngineUnreachable')
    await engine.start()
    expect(await portsNow()).to.deep.equal(before)
    await gateway.kill()
    await engine.powerOff()
    await engine.start()
    await gateway.start()
    expect(await portsNow()).to.deep.equal(before)
  })

  /** What comes back through a port of the host; a debugger of ours gives back what it is told. */
  function toldBack(port: number): Promise<string> {
    const socket = chaos().engine.namespace.connect(port)
    return new Promise((resolve, reject) => {
      socket.once('error', reject)
      socket.once('close', () => reject(new Error(`port ${port} leads nowhere`)))
      socket.once('data', data => resolve(String(data)))
      socket.write('hello')
    }).finally(() => socket.destroy()) as Promise<string>
  }

  it('lead to what listens in the function while the firewall is on', async () => {
    const { gateway, engine } = chaos()
    await gateway.stop()
    await gateway.start({ FIREWALL: 'auto' })
    await eventually(async () => expect(await gateway.metrics()).to.contain('faas_firewall_active 1'))
    const node = (await portsNow())[0]?.find(port => port.containerPort === 9229)
    const listen = ['nc', '-ll', '-p', '9229', '-e', '/bin/cat']
    const exec = await engine.docker.getContainer('left-0').exec({ Cmd: listen })
    await exec.start({ Detach: true })
    await eventually(async () => expect(await toldBack(node?.hostPort ?? 0)).to.equal('hello'))
  })

  it('P1: one that somebody took meanwhile is another one, told, and all others stay', async () => {
    const { engine, gateway } = chaos()
    const before = await portsNow()
    const taken = before[0]?.[4]?.hostPort ?? 0
    await engine.stop()
    const listener = await occupy(taken)
    await engine.start()
    const after = await portsNow()
    killNow(listener.pid ?? 0)
    const changed = before.flat().filter((port, i) => port.hostPort !== after.flat()[i]?.hostPort)
    expect(changed).to.deep.equal([before[0]?.[4]])
    const { items } = JSON.parse((await gateway.call('GET', '/v1/functions/left/events')).text)
    expect(items.map(({ reason }: { reason: string }) => reason)).to.include('PortInUse')
    expect(await portsNow()).to.deep.equal(after)
  })
})
