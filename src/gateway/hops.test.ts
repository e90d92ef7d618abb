import http, { type IncomingMessage } from 'node:http'
import { expect } from 'chai'
import { DataPlane } from '../../test/helpers/data-plane.ts'
import { hopsOf, nextHops } from './hops.ts'

const requestWith = (value: string | undefined) => ({ headers: { 'cdn-loop': value } }) as unknown as IncomingMessage

describe('hops of a call', () => {
  for (const [value, hops, next] of [
    [undefined, 0, 'docker-faas'],
    ['', 0, 'docker-faas'],
    ['cloudflare; loops=1', 0, 'cloudflare; loops=1, docker-faas'],
    ['docker-faas', 1, 'docker-faas, docker-faas'],
    ['Docker-FaaS;x=1 , other,docker-faas', 2, 'Docker-FaaS;x=1 , other,docker-faas, docker-faas'],
    ['docker-faas2, not-docker-faas', 0, 'docker-faas2, not-docker-faas, docker-faas']
  ] as const) {
    it(`counts ${hops} in ${value}`, () => {
      expect([hopsOf(requestWith(value)), nextHops(requestWith(value))]).to.deep.equal([hops, next])
    })
  }
})

describe('X17: a function that calls itself through the gateway', () => {
  let plane: DataPlane
  let calls: number
  afterEach(() => plane.stop())

  /** A function that makes of each call another one, with what `headersOf` passes on. */
  async function recursive(hopsMax: number | undefined, headersOf: (req: IncomingMessage) => http.OutgoingHttpHeaders) {
    plane = await new DataPlane(hopsMax === undefined ? {} : { hopsMax }).start()
    calls = 0
    const port = await plane.replica((req, res) => {
      calls++
      plane.call({ headers: headersOf(req) }).then(
        answer => res.writeHead(answer.status, { 'CDN-Loop': 'docker-faas' }).end(answer.body),
        () => res.destroy()
      )
    })
    plane.route(port)
  }
  const passOn = (req: IncomingMessage) => ({ 'CDN-Loop': req.headers['cdn-loop'] })

  it('X17: gets 508 after as many calls as are allowed, and nothing of the count reaches its client', async () => {
    await recursive(undefined, passOn)
    const answer = await plane.call()
    expect([answer.status, calls]).to.deep.equal([508, 16])
    expect(answer.headers['cdn-loop']).to.equal(undefined)
    expect(plane.shed).to.deep.equal(['ns/fn loop'])
    expect(plane.finished.filter(f => f.code === 508)).to.have.length(17)
    expect(plane.inflight.total()).to.equal(0)
  })

  it('X17: counts whoever lists the header in Connection, or writes it with an underscore', async () => {
    await recursive(4, req => ({ ...passOn(req), Connection: 'CDN-Loop', CDN_Loop: 'docker-faas' }))
    const answer = await plane.call()
    expect([answer.status, answer.body, calls]).to.deep.equal([
      508,
      'this call of function ns/fn has passed through the gateway 4 times: a function that it came from calls itself, ' +
        'or one that calls it; FUNCTION_HOPS_MAX says how often is too often\n',
      4
    ])
  })

  it('X17: is ended by max_inflight where it passes nothing on', async () => {
    await recursive(undefined, () => ({}))
    const endpoints = plane.table.get('ns/fn')?.endpoints ?? []
    plane.table.put({ key: 'ns/fn', uid: 'uid-1', replicas: 1, endpoints, settings: { maxInflight: 20 } })
    const answer = await plane.call()
    expect([answer.status, calls]).to.deep.equal([429, 20])
  })

  it('X17: a client that says that it comes from a loop spoils no call but its own', async () => {
    plane = await new DataPlane().start()
    const seen: unknown[] = []
    plane.route(await plane.replica((req, res) => res.end(String(seen.push(req.headers['cdn-loop'])))))
    const many = Array.from({ length: 16 }, () => 'docker-faas').join(',')
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    expect((await plane.call({ agent, headers: { 'CDN-Loop': many } })).status).to.equal(508)
    expect((await plane.call({ agent })).status).to.equal(200)
    agent.destroy()
    expect(seen).to.deep.equal(['docker-faas'])
  })

  it('X17: is let be when the limit is 0', async () => {
    plane = await new DataPlane({ hopsMax: 0 }).start()
    plane.route(await plane.replica((_req, res) => res.end()))
    const many = Array.from({ length: 40 }, () => 'docker-faas').join(',')
    expect((await plane.call({ headers: { 'CDN-Loop': many } })).status).to.equal(200)
  })
})
