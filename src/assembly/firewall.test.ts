import { expect } from 'chai'
import { FakeEngine } from '../../test/helpers/fake-engine.ts'
import { loadConfig } from '../config/load.ts'
import { FirewallError } from '../engine/firewall.ts'
import { createLogger } from '../logging/logger.ts'
import { createMetrics } from '../metrics/metrics.ts'
import { FirewallComponent } from './firewall.ts'

interface Given {
  readonly env?: Record<string, string>
  readonly isRoot?: boolean
  readonly interfaces?: readonly string[]
  readonly apply?: () => Promise<string[]>
}

/** Starts one; what it said first, and what it showed then. */
async function started({ env = {}, isRoot = true, interfaces = ['docker0'], apply = async () => [] }: Given) {
  const metrics = createMetrics({ nodeMetrics: false })
  const engine = new FakeEngine({ now: () => 0 })
  engine.addNetwork('bridge')
  const told = Promise.withResolvers<string>()
  const log = createLogger({ level: 'info', stream: { write: line => told.resolve(line) } })
  const host = { isRoot, interfaces: () => interfaces }
  const config = loadConfig(env)
  const component = new FirewallComponent({
    config,
    engine,
    metrics,
    log,
    firewall: { apply, rivals: async () => [] },
    host
  })
  component.start()
  const said = await told.promise
  await component.stop()
  const [, active] = /faas_firewall_active (\d)/.exec((await metrics.expose()).text) ?? []
  return { ...component.state, active, said }
}

describe('the firewall of a gateway', () => {
  it('is on where the gateway can write it, and says so', async () => {
    const seen = await started({})
    expect(seen).to.include({ state: 'on', active: '1' })
    expect(seen.said).to.contain('Functions are kept from the host')
  })

  it('says that it is off where the operator wants that', async () => {
    const seen = await started({ env: { FIREWALL: 'off' } })
    expect(seen).to.include({ state: 'off', reason: 'FIREWALL=off', active: '0' })
    expect(seen.said).to.contain('FIREWALL=off')
  })

  const refused = async () => {
    throw new FirewallError('iptables is not installed')
  }
  const obstacles: readonly [string, Given, RegExp][] = [
    ['an engine elsewhere', { env: { DOCKER_HOST: 'tcp://engine.example:2376' } }, /on another host/],
    ['a gateway that is not root', { isRoot: false }, /does not run as root/],
    ['a gateway in a container', { interfaces: ['lo', 'eth0'] }, /not in the network namespace of the engine/],
    ['a host without iptables', { apply: refused }, /iptables is not installed/]
  ]
  for (const [title, given, reason] of obstacles) {
    it(`says what helps: ${title}`, async () => {
      const seen = await started(given)
      expect(seen).to.include({ state: 'unavailable', active: '0' })
      expect(seen.reason).to.match(reason).and.to.contain('docker-faas firewall apply')
      expect(seen.said).to.contain('Functions are not kept from the host').and.to.match(reason)
    })
  }

  it('tells once of another installation whose rules are in the way, and how to mend that', async () => {
    const lines: string[] = []
    const log = createLogger({ level: 'warn', stream: { write: line => lines.push(line) } })
    const engine = new FakeEngine({ now: () => 0 })
    engine.addNetwork('bridge')
    const rivals = [['DFAAS-a-IN (10.62.0.0/16)'], ['DFAAS-a-IN (10.62.0.0/16)'], [], ['DFAAS-b-IN (10.62.0.0/16)']]
    const asked = Promise.withResolvers<void>()
    const firewall = {
      apply: async () => [],
      rivals: async () => {
        const next = rivals.shift() ?? []
        if (rivals.length === 0) asked.resolve()
        return next
      }
    }
    const host = { isRoot: true, interfaces: () => ['docker0'] }
    const metrics = { setFirewall: () => undefined }
    const component = new FirewallComponent({ config: loadConfig({}), engine, metrics, log, firewall, host })
    component.start()
    for (let looks = 1; looks < 4; looks++) component.look()
    await asked.promise
    await component.stop()
    expect(lines.length).to.equal(2)
    expect(lines[0]).to.contain('DFAAS-a-IN').and.to.contain('FUNCTIONS_SUBNET_POOL of its own')
    expect(lines[1]).to.contain('DFAAS-b-IN')
  })
})
