import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { underCalls } from '../helpers/callers.ts'
import { compiled } from '../helpers/compiler.ts'
import { importImage } from '../helpers/docker-run.ts'
import { eventually } from '../helpers/eventually.ts'
import { GatewayProcess } from '../helpers/gateway-process.ts'
import { inside } from '../helpers/inside.ts'
import { listenIn, METADATA, OUTSIDE, openOutside } from '../helpers/outside.ts'
import { PrivateEngine } from '../helpers/private-engine.ts'
import { COMPILE_CACHE, MAIN } from '../helpers/program.ts'

const CACHED = Object.entries(COMPILE_CACHE).map(pair => pair.join('='))
const GATEWAY = 8080
const METRICS = 9090
/** A database of somebody, and an engine that listens on TCP. */
const [DATABASE, ENGINE] = [5432, 2375]

/** Calls that run while the network is changed. */
const SLOW = `#!/bin/sh
sleep 1
printf 'Content-Type: text/plain\\r\\n\\r\\nslow\\n'
`

describe('security of what functions reach', function () {
  this.timeout(120_000)
  let engine: PrivateEngine
  let gateway: GatewayProcess
  let image: string

  before(async function () {
    this.timeout(120_000)
    engine = await PrivateEngine.start()
    await openOutside(engine)
    await listenIn(engine.namespace, `0.0.0.0:${DATABASE}`, `0.0.0.0:${ENGINE}`)
    gateway = await GatewayProcess.start(engine, {
      ...{
        FIREWALL: 'off',
        GATEWAY_ADDRESS: '0.0.0.0',
        METRICS_ADDRESS: '0.0.0.0',
        FUNCTIONS_MAY_CALL: 'everything',
        RUNTIMES_ALLOWED: 'other'
      },
      ...{ GATEWAY_PORT: String(GATEWAY), METRICS_PORT: String(METRICS), RECONCILE_INTERVAL_SECONDS: '1' }
    })
    const { instance } = gateway
    image = `docker-faas-test/scan:${instance}`
    const content = readFileSync(compiled('scan.c', ['-static']))
    const files = [
      { name: 'bin/scan', mode: 0o755, content },
      { name: 'www/cgi-bin/slow', mode: 0o755, content: Buffer.from(SLOW) }
    ]
    await importImage(engine.docker, image, instance, '["/bin/sh", "/entry"]', { files })
    await Promise.all(['here', 'there'].map(name => gateway.apply(name, { image })))
    await Promise.all(['here', 'there'].map(name => gateway.converged(name)))
  })
  after(async () => {
    await gateway.discard()
    engine.remove()
  })

  /** The addresses and ports that take connections from inside `here`; each place is `address first last`. */
  async function reached(...places: string[]): Promise<string[]> {
    const lines = (await inside(engine.docker, 'here-0', '/bin/scan', ...places.flatMap(place => place.split(' '))))
      .trim()
      .split('\n')
    expect(lines.pop(), 'the end of the scan').to.equal('done')
    return lines.sort()
  }

  async function addressOf(container: string): Promise<{ own: string; host: string }> {
    const { NetworkSettings } = await engine.docker.getContainer(container).inspect()
    const [{ IPAddress: own, Gateway: host } = { IPAddress: '', Gateway: '' }] = Object.values(NetworkSettings.Networks)
    return { own, host }
  }

  /** With these variables; the firewall is there when this ends. */
  async function restarted(env: Record<string, string>): Promise<void> {
    await gateway.stop()
    await gateway.start(env)
    if (env['FIREWALL'] === 'auto') {
      await eventually(async () => expect(await gateway.metrics()).to.contain('faas_firewall_active 1'))
    }
    await Promise.all(['here', 'there'].map(name => gateway.converged(name)))
  }

  /** Everything of interest: all ports of the host by the address that a function sees it at, and by others of it. */
  async function everything(): Promise<string[]> {
    const [here, there] = await Promise.all(['here-0', 'there-0'].map(addressOf))
    const subnet = there?.own.replace(/\.\d+$/, '') ?? ''
    const last = Number(there?.own.split('.').at(-1))
    const neighbours = Array.from({ length: 14 }, (_, n) => `${subnet}.${(last & ~15) + 1 + n} 8080 8080`)
    const host = [here?.host, there?.host, '192.0.2.1', '172.17.0.1']
    const ports = [`${DATABASE} ${DATABASE}`, `${ENGINE} ${ENGINE}`, `${GATEWAY} ${GATEWAY}`, `${METRICS} ${METRICS}`]
    return reached(
      `${here?.host} 1 65535`,
      ...neighbours,
      ...host.slice(1).flatMap(address => ports.map(port => `${address} ${port}`)),
      ...[`${there?.own} 1 10000`, `${METADATA} 80 80`, `${OUTSIDE} 80 80`]
    )
  }

  it('is everything of the host where nothing keeps them from it, which the scan sees', async () => {
    const { host } = await addressOf('here-0')
    const ports = [GATEWAY, METRICS, DATABASE, ENGINE].sort((a, b) => a - b)
    const found = await reached(
      `${host} 1 10000`,
      `192.0.2.1 ${DATABASE} ${DATABASE}`,
      `${METADATA} 80 80`,
      `${OUTSIDE} 80 80`
    )
    const everywhere = [
      ...ports.map(port => `${host}:${port}`),
      `192.0.2.1:${DATABASE}`,
      `${METADATA}:80`,
      `${OUTSIDE}:80`
    ]
    expect(found).to.have.members(everywhere)
  })

  it('S8, S9: is neither another function, nor the gateway, the engine, a database or the metadata', async () => {
    await restarted({ FIREWALL: 'auto', FUNCTIONS_MAY_CALL: 'nothing' })
    expect(await everything()).to.deep.equal([`${OUTSIDE}:80`])
    expect((await gateway.call('GET', '/function/here')).status).to.equal(200)
    const { text } = await gateway.call('GET', '/v1/reconcile')
    expect(JSON.parse(text).firewall).to.deep.equal({ state: 'on' })
  })

  it('S8: are no other members on the network of a function than its replicas', async () => {
    for (const name of ['here', 'there']) {
      const { Containers } = await engine.docker.getNetwork(gateway.networkOf(name)).inspect()
      expect(Object.values(Containers as Record<string, { Name: string }>).map(({ Name }) => Name)).to.deep.equal([
        `${name}-0`
      ])
    }
  })

  it('S8: has no IPv6 past the rules', async () => {
    expect(await inside(engine.docker, 'here-0', 'cat', '/proc/net/if_inet6')).to.not.match(/eth0/)
  })

  it('D13, S8: is as little when somebody has wiped the rules, and the loop has written them again', async () => {
    engine.namespace.run('iptables', ['-F'])
    await eventually(async () => expect(await everything()).to.deep.equal([`${OUTSIDE}:80`]), { timeoutMs: 30_000 })
    expect((await gateway.call('GET', '/function/there')).status).to.equal(200)
  })

  describe('where functions may call functions', () => {
    before(() =>
      restarted({ FIREWALL: 'auto', FUNCTIONS_MAY_CALL: 'functions', FUNCTIONS_HOST_PORTS: String(DATABASE) })
    )

    it('S8: is the gateway for calls alone where functions may call functions, and ports of the host that are named', async () => {
      const { host } = await addressOf('here-0')
      const places = [GATEWAY, METRICS, DATABASE, ENGINE].map(port => `${host} ${port} ${port}`)
      expect(await reached(...places)).to.deep.equal([`${host}:${DATABASE}`, `${host}:${GATEWAY}`])
      const asked = (path: string) =>
        inside(engine.docker, 'here-0', 'wget', '-O-', `http://admin:test-password@${host}:${GATEWAY}${path}`)
      expect(await asked('/function/there')).to.contain('hello from busybox')
      expect(await asked('/v1/functions')).to.contain('403')
      expect(await asked('/healthz')).to.contain('403')
    })

    /** Makes the function ask for this way out; the codes of calls meanwhile. */
    async function withEgress(egress: string): Promise<number[]> {
      const from = performance.now()
      const codes = await underCalls(gateway, '/function/here/cgi-bin/slow', async () => {
        await gateway.apply('here', { image }, { annotations: { 'com.docker-faas.egress': egress } })
        await gateway.converged('here')
      })
      // A call that loses its network would hang for the time that a call may take, a minute.
      expect((performance.now() - from) / 1000, 'seconds').to.be.below(40)
      return codes
    }

    for (const [egress, mayReach] of [
      ['internal', [GATEWAY]],
      ['none', []],
      ['open', [GATEWAY, DATABASE]]
    ] as const) {
      it(`S9: is as its egress says, ${egress}, from one call to the next and with no call lost`, async () => {
        const { Id } = await engine.docker.getContainer('here-0').inspect()
        const codes = await withEgress(egress)
        expect(codes.length).to.be.above(0)
        expect(codes.filter(code => code !== 200)).to.deep.equal([])
        expect((await engine.docker.getContainer('here-0').inspect()).Id, 'the replica').to.equal(Id)
        const { own } = await addressOf('here-0')
        const host = own.replace(/\d+$/, last => String((Number(last) & ~15) + 1))
        const ports = [GATEWAY, METRICS, DATABASE, ENGINE].map(port => `${host} ${port} ${port}`)
        const found = await reached(
          ...ports,
          `${OUTSIDE} 80 80`,
          `192.0.2.1 ${DATABASE} ${DATABASE}`,
          `${METADATA} 80 80`
        )
        const outside = egress === 'open' ? [`${OUTSIDE}:80`, `192.0.2.1:${DATABASE}`] : []
        expect(found).to.have.members([...mayReach.map(port => `${host}:${port}`), ...outside])
      })
    }
  })

  it('S14: runs in the runtime that it asks for, as soon as the engine has it', async () => {
    await gateway.apply('kernel', { image }, { annotations: { 'com.docker-faas.runtime': 'other' } })
    await gateway.reason('kernel', 'Ready', 'RuntimeMissing')
    const path = engine.namespace.run('sh', ['-c', 'command -v runc']).trim()
    await engine.configure({ runtimes: { other: { path } } })
    await gateway.converged('kernel')
    const { HostConfig } = await engine.docker.getContainer('kernel-0').inspect()
    expect((HostConfig as { Runtime?: string }).Runtime).to.equal('other')
    expect((await gateway.call('GET', '/function/kernel')).status).to.equal(200)
  })

  /** `docker-faas firewall …` in the namespace of the engine, with the environment of the gateway. */
  function firewall(...args: string[]): string {
    const env = [
      ...CACHED,
      `INSTANCE_ID=${gateway.instance}`,
      'FUNCTIONS_SUBNET_POOL=10.99.0.0/16',
      `GATEWAY_PORT=${GATEWAY}`
    ]
    return engine.namespace.run('env', [...env, process.execPath, MAIN, 'firewall', ...args])
  }

  it('S8: is kept by a command where the gateway cannot, which checks and takes away as well', async () => {
    await restarted({ FIREWALL: 'off', FUNCTIONS_MAY_CALL: 'nothing' })
    engine.namespace.run('iptables', ['-A', 'INPUT', '-s', '192.0.2.77', '-j', 'DROP'])
    expect(() => firewall('check')).to.throw(/has other rules/)
    expect(firewall('apply')).to.contain('written')
    expect(firewall('check')).to.contain('as it should be')
    expect(engine.namespace.run('iptables', ['-S', 'INPUT'])).to.match(/-A INPUT -s 10\.99\.0\.0\/16 -j DFAAS-/)
    expect(firewall('remove')).to.contain('gone')
    const rules = engine.namespace.run('iptables', ['-S'])
    expect(rules).to.not.contain('DFAAS')
    expect(rules).to.contain('-A INPUT -s 192.0.2.77/32 -j DROP')
  })

  it('is refused by the rules of another installation with the same addresses, which the command says', () => {
    const other = [...CACHED, 'INSTANCE_ID=other', 'FUNCTIONS_HOST_PORTS=5432', 'FUNCTIONS_SUBNET_POOL=10.99.64.0/18']
    const command = [process.execPath, MAIN, 'firewall']
    firewall('apply')
    const said = engine.namespace.run('env', [...other, ...command, 'apply'])
    expect(said).to.match(/refuses what .* allow: DFAAS-\w+-IN \(10\.99\.0\.0\/16\); give each a FUNCTIONS_SUBNET_POOL/)
    expect(firewall('apply'), 'it lets nothing through itself').to.not.contain('refuses')
    engine.namespace.run('env', [...other, ...command, 'remove'])
    firewall('remove')
  })

  it('D13, S8: is kept again and again by that command, until it is told to stop', async () => {
    const env = {
      PATH: process.env['PATH'] ?? '',
      ...COMPILE_CACHE,
      INSTANCE_ID: gateway.instance,
      RECONCILE_INTERVAL_SECONDS: '1'
    }
    const args = [MAIN, 'firewall', 'apply', '--keep']
    const keeper = engine.namespace.spawn(process.execPath, args, { env, stdio: 'ignore' })
    const ended = once(keeper, 'exit')
    const rules = () => engine.namespace.run('iptables', ['-S', 'INPUT'])
    const written = () => eventually(() => expect(rules()).to.contain('DFAAS'), { timeoutMs: 20_000 })
    await written()
    engine.namespace.run('iptables', ['-F'])
    await written()
    keeper.kill('SIGTERM')
    expect(await ended).to.deep.equal([0, null])
    firewall('remove')
  })

  it('S8: is not the gateway either where there are no rules', async () => {
    const { host } = await addressOf('here-0')
    for (const port of [GATEWAY, METRICS]) {
      const answer = await inside(engine.docker, 'here-0', 'wget', '-O-', `http://${host}:${port}/metrics`)
      expect(answer).to.match(/error getting response|reset by peer/i)
    }
    await eventually(() => expect(gateway.log.join('\n')).to.contain('Functions are not kept from the host'))
  })
})
