import { expect } from 'chai'
import { TestGateway } from '../helpers/gateway.ts'
import { PASSWORD } from '../helpers/gateway-client.ts'
import { helloImage } from '../helpers/images.ts'
import { inside } from '../helpers/inside.ts'

describe('security of what functions ask of a gateway', function () {
  this.timeout(60_000)
  let gateway: TestGateway
  let image: string

  before(async () => {
    image = await helloImage()
    gateway = await TestGateway.start({
      ...{ GATEWAY_ADDRESS: '0.0.0.0', METRICS_ADDRESS: '0.0.0.0' },
      ...{ FUNCTIONS_MAY_CALL: 'everything', TRUST_PROXY: '127.0.0.1' }
    })
    await gateway.apply('open', { image })
    await gateway.apply('closed', { image }, { annotations: { 'com.docker-faas.egress': 'none' } })
    await Promise.all(['open', 'closed'].map(name => gateway.converged(name)))
  })
  after(() => gateway.close())

  async function addressOf(name: string): Promise<string> {
    const { NetworkSettings } = await gateway.docker.getContainer(`${name}-0`).inspect()
    return Object.values(NetworkSettings.Networks)[0]?.IPAddress ?? ''
  }

  /** What the function is told by the address of the host on its own network; a few words for a connection that is cut. */
  async function told(name: string, path: string, port = gateway.port): Promise<string> {
    const host = (await addressOf(name)).replace(/\d+$/, last => String((Number(last) & ~15) + 1))
    return inside(gateway.docker, `${name}-0`, 'wget', '-O-', `http://admin:${PASSWORD}@${host}:${port}${path}`)
  }

  /** The codes of a call and of the API for whom a proxy on the host has behind it. */
  function codes(client: string): Promise<number[]> {
    const Authorization = `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`
    const headers = { Authorization, 'X-Forwarded-For': client }
    const urls = ['/function/open', '/v1/functions'].map(path => `http://127.0.0.1:${gateway.port}${path}`)
    return Promise.all(
      urls.map(async url => {
        const answer = await fetch(url, { headers })
        await answer.text()
        return answer.status
      })
    )
  }

  /** With this value of FUNCTIONS_MAY_CALL. */
  async function restarted(mayCall: string): Promise<void> {
    await gateway.stop()
    await gateway.start({ FUNCTIONS_MAY_CALL: mayCall })
    await Promise.all(['open', 'closed'].map(name => gateway.converged(name)))
  }

  it('S9: has no answer for one with the egress none, on whatever port, where no rule of a firewall stands before it', async () => {
    expect(await told('open', '/function/open')).to.contain('I am replica')
    expect(await told('open', '/metrics', gateway.metricsPort)).to.contain('faas_')
    for (const port of [gateway.port, gateway.metricsPort]) {
      for (const path of ['/function/open', '/v1/functions', '/metrics']) {
        expect(await told('closed', path, port), path).to.match(/error getting response|reset by peer/i)
      }
    }
  })

  it('S8, S9: says no to one with the egress none that comes by a proxy, and to no other', async () => {
    expect(await codes(await addressOf('closed'))).to.deep.equal([403, 403])
    expect(await codes(await addressOf('open'))).to.deep.equal([200, 200])
  })

  it('S8: has calls, and nothing else, for one that comes by a proxy where functions may call functions', async () => {
    await restarted('functions')
    expect(await codes(await addressOf('open'))).to.deep.equal([200, 403])
    expect(await codes(await addressOf('closed'))).to.deep.equal([403, 403])
    expect(await told('closed', '/function/open')).to.match(/error getting response|reset by peer/i)
  })

  it('S8: has nothing for one that comes by a proxy unless it is told otherwise', async () => {
    await restarted('nothing')
    expect(await codes(await addressOf('open'))).to.deep.equal([403, 403])
    expect(await codes('198.51.100.7')).to.deep.equal([200, 200])
  })
})
