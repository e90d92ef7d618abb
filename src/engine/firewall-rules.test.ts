import { expect } from 'chai'
import { type FirewallWish, firewallChains, rivalChains } from './firewall-rules.ts'

const WISH: FirewallWish = {
  instance: 'docker-faas',
  pool: '10.62.0.0/16',
  mayCallGateway: false,
  gatewayPort: 8080,
  hostPorts: []
}
const rulesOf = (wish: FirewallWish) =>
  firewallChains(wish)
    .filter(({ entry }) => entry === undefined)
    .map(({ rules }) => rules.map(rule => rule.join(' ')))

describe('the rules of the firewall', () => {
  it('S8, S9: refuse the host, other functions, and link-local addresses but for their resolvers', () => {
    const [toHost, through] = rulesOf(WISH)
    expect(toHost).to.deep.equal([
      '-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN',
      '-i dfn-+ -p tcp -j REJECT --reject-with tcp-reset',
      '-i dfn-+ -j REJECT --reject-with icmp-port-unreachable',
      '-i dfi-+ -p tcp -j REJECT --reject-with tcp-reset',
      '-i dfi-+ -j REJECT --reject-with icmp-port-unreachable',
      '-p udp -m udp --dport 53 -j RETURN',
      '-p tcp -m tcp --dport 53 -j RETURN',
      '-p tcp -j REJECT --reject-with tcp-reset',
      '-j REJECT --reject-with icmp-port-unreachable'
    ])
    expect(through).to.deep.equal([
      '-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN',
      '-m physdev --physdev-is-bridged -j RETURN',
      '-i dfn-+ -p tcp -j REJECT --reject-with tcp-reset',
      '-i dfn-+ -j REJECT --reject-with icmp-port-unreachable',
      '-i dfi-+ -p tcp -j REJECT --reject-with tcp-reset',
      '-i dfi-+ -j REJECT --reject-with icmp-port-unreachable',
      '-d 10.62.0.0/16 -p tcp -j REJECT --reject-with tcp-reset',
      '-d 10.62.0.0/16 -j REJECT --reject-with icmp-port-unreachable',
      '-d 169.254.0.0/16 -p udp -m udp --dport 53 -j RETURN',
      '-d 169.254.0.0/16 -p tcp -m tcp --dport 53 -j RETURN',
      '-d 169.254.0.0/16 -p tcp -j REJECT --reject-with tcp-reset',
      '-d 169.254.0.0/16 -j REJECT --reject-with icmp-port-unreachable'
    ])
  })

  it('let functions to the gateway when they may call it, but not those that may do nothing', () => {
    const [toHost = []] = rulesOf({ ...WISH, mayCallGateway: true })
    const at = toHost.indexOf('-p tcp -m tcp --dport 8080 -j RETURN')
    expect(toHost.slice(at - 1, at + 2).map(rule => rule.slice(0, 8))).to.deep.equal([
      '-i dfn-+',
      '-p tcp -',
      '-i dfi-+'
    ])
  })

  it('let open functions to the ports of the host that are named', () => {
    const [toHost = []] = rulesOf({ ...WISH, hostPorts: [5432, 6379] })
    expect(toHost.slice(5, 7)).to.deep.equal(['5432', '6379'].map(port => `-p tcp -m tcp --dport ${port} -j RETURN`))
  })

  it('are for what comes over a bridge, as others may have addresses that are in the pool', () => {
    const entries = firewallChains(WISH).filter(({ entry }) => entry !== undefined)
    expect(entries.map(({ entry }) => [entry?.from.join(), entry?.match.join(' ')])).to.deep.equal([
      ['INPUT', '-s 10.62.0.0/16'],
      ['DOCKER-USER,FORWARD', '-s 10.62.0.0/16']
    ])
    for (const { rules } of entries) {
      expect(rules.map(([, bridge]) => bridge)).to.deep.equal(['br-+', 'dfi-+', 'dfn-+'])
    }
  })

  it('are in chains of each installation', () => {
    const names = (instance: string) => firewallChains({ ...WISH, instance }).map(({ name }) => name)
    expect(names('a')).to.not.have.members(names('b'))
    // Source: iptables, XT_EXTENSION_MAXNAMELEN.
    for (const name of names('a'.repeat(40))) expect(name.length).to.be.below(29)
  })

  it('are in the way of another installation whose pool overlaps, as far as either lets anything through', () => {
    const [{ name: own } = { name: '' }] = firewallChains(WISH)
    const listed = [
      '-P INPUT ACCEPT',
      `-A INPUT -s 10.62.0.0/16 -j ${own}`,
      '-A INPUT -s 10.62.128.0/20 -j DFAAS-01234567-IN',
      '-A INPUT -s 10.63.0.0/16 -j DFAAS-89abcdef-IN',
      '-A INPUT -s 10.62.0.0/16 -j OTHERS'
    ]
    const rivals = ['DFAAS-01234567-IN (10.62.128.0/20)']
    expect(rivalChains({ ...WISH, mayCallGateway: true }, listed)).to.deep.equal(rivals)
    expect(rivalChains({ ...WISH, hostPorts: [5432] }, listed)).to.deep.equal(rivals)
    expect(rivalChains(WISH, listed), 'both refuse the same').to.deep.equal([])
  })
})
