import { expect } from 'chai'
import { FakeEngine } from '../../test/helpers/fake-engine.ts'
import { loadConfig } from '../config/config.ts'
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
  const component = new FirewallComponent({ config, engine, metrics, log, firewall: { apply }, host })
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
})
