import { request } from 'node:http'
import { expect } from 'chai'
import { eventually } from '../../test/helpers/eventually.ts'
import { aContainerBody, OURS, ProxiedEngine } from '../../test/helpers/proxied-engine.ts'
import { toNetworkBody } from '../engine/docker-create.ts'

describe('the socket proxy', () => {
  let engine: ProxiedEngine
  beforeEach(async () => {
    engine = await ProxiedEngine.start()
  })
  afterEach(() => engine.stop())

  describe('S13: lets through', () => {
    const allowed: [method: string, path: string, body?: unknown][] = [
      ['GET', '/_ping'],
      ['GET', '/v1.41/version'],
      ['GET', '/containers/json?all=true&filters=%7B%22label%22%3A%5B%22a%3Db%22%5D%7D'],
      ['GET', '/containers/absent/json'],
      ['POST', '/containers/mine/start'],
      ['POST', '/v1.44/containers/mine/kill?signal=SIGTERM'],
      ['DELETE', '/containers/mine?force=true&v=true'],
      ['GET', '/containers/mine/logs?stdout=true&stderr=true&tail=10'],
      ['GET', '/containers/mine/stats?stream=false&one-shot=true'],
      ['PUT', '/containers/mine/archive?path=%2Fvar', 'a tar'],
      ['POST', '/networks/mine/connect', { Container: 'theirs' }],
      ['POST', '/networks/theirs/disconnect', { Container: 'mine' }],
      ['DELETE', '/volumes/mine'],
      ['GET', '/images/registry.example%3A5000/team/fn%3A1/json'],
      ['POST', '/images/create?fromImage=docker.io%2Flibrary%2Ffn&tag=1'],
      ['DELETE', '/images/sha256%3Aabc']
    ]
    for (const [method, path, body] of allowed) {
      it(`${method} ${path}`, async () => {
        await engine.send(method, path, body)
        expect(engine.calls).to.deep.equal([`${method} ${path}`])
        expect(engine.proxy.refused).to.equal(0)
      })
    }

    it('the containers and networks that the loop makes', async () => {
      const network = toNetworkBody({ name: 'new', subnet: '10.0.0.0/28', labels: OURS })
      expect(await engine.send('POST', '/containers/create?name=new', aContainerBody())).to.include({ status: 200 })
      expect(await engine.send('POST', '/networks/create', network)).to.include({ status: 200 })
      expect(engine.seen.map(({ body }) => JSON.parse(body))).to.deep.equal([aContainerBody(), network])
    })
  })

  it('S13: says why in the log and to the caller, without the query', async () => {
    const { text } = await engine.send('POST', '/containers/mine/exec?canary=1')
    expect(JSON.parse(text).message).to.equal(
      'docker-faas socket-proxy: POST /containers/mine/exec is not in the table'
    )
    expect(JSON.stringify(engine.warnings)).to.contain('/containers/mine/exec').and.not.contain('canary')
  })

  it('S13: tells nothing of what containers of others were told', async () => {
    expect((await engine.send('GET', '/containers/mine/json')).text).to.contain('canary')
    expect((await engine.send('GET', '/containers/theirs/json')).text)
      .to.contain('theirs')
      .and.not.contain('canary')
  })

  it('hands credentials of registries on, and no other header', async () => {
    await engine.send('POST', '/images/create?fromImage=x&tag=1', undefined, {
      'x-registry-auth': 'canary',
      cookie: 'a=b'
    })
    expect(engine.seen[0]?.headers).to.include({ 'x-registry-auth': 'canary' }).and.not.have.property('cookie')
  })

  it('hands on what comes as it comes, and ends the engine’s call when the caller leaves', async () => {
    let ended = false
    let more: () => void = () => undefined
    engine.handler = (_, res) => {
      res.on('close', () => {
        ended = true
      })
      res.write('first\n')
      more = () => void res.write('second\n')
      return true
    }
    let text = ''
    const req = request({ ...engine.address, path: '/events', agent: false }, res => {
      res
        .setEncoding('utf8')
        .on('data', chunk => {
          text += chunk
        })
        .on('error', () => undefined)
    })
    req.on('error', () => undefined).end()
    await eventually(() => expect(text).to.equal('first\n'))
    more()
    await eventually(() => expect(text).to.equal('first\nsecond\n'))
    req.destroy()
    await eventually(() => expect(ended).to.equal(true))
  })

  it('does not answer in the engine’s place when that is away', async () => {
    await engine.stopEngine()
    const err = await engine.send('GET', '/_ping').catch((reason: Error) => reason)
    expect(err).to.have.property('code', 'ECONNRESET')
  })

  it('leaves a socket alone that somebody listens on', async () => {
    const err = await engine
      .anotherProxy()
      .listen(engine.address)
      .catch((reason: Error) => reason)
    expect(String(err)).to.contain('something else listens')
  })
})
