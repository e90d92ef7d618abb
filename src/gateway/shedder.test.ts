import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import net from 'node:net'
import { expect } from 'chai'
import { DataPlane, eventually } from '../../test/helpers/data-plane.ts'
import { Shedder } from './shedder.ts'

describe('X13: calls beyond what the gateway takes', () => {
  let plane: DataPlane
  let held: http.ServerResponse[]
  const start = async (callsMax: number) => {
    held = []
    plane = await new DataPlane({ overload: { callsMax, delayMs: 60_000 } }).start()
    plane.route(await plane.replica((_req, res) => held.push(res)))
  }
  afterEach(() => plane.stop())

  it('X13: get 503 with Retry-After and a reason, are counted, and leave the others alone', async () => {
    await start(2)
    const running = [plane.call(), plane.call()]
    await eventually(() => held.length === 2)
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    const answer = await plane.call({ agent })
    const { 'retry-after': retryAfter, 'x-docker-faas-reason': reason, connection } = answer.headers
    expect([answer.status, retryAfter, reason, connection]).to.deep.equal([
      ...[503, '1', 'GatewayOverloaded', 'keep-alive']
    ])
    expect(plane.shed).to.deep.equal(['ns/fn overload'])
    expect([plane.started.length, plane.inflight.total()]).to.deep.equal([2, 2])
    for (const res of held.splice(0)) res.end()
    await Promise.all(running)
    const next = plane.call({ agent })
    await eventually(() => held.length === 1)
    held[0]?.end('ok')
    expect((await next).body).to.equal('ok')
    agent.destroy()
  })

  it('X13: have their connections closed when their bodies were not read', async () => {
    await start(1)
    const running = plane.call()
    await eventually(() => held.length === 1)
    for (const headers of [{ 'transfer-encoding': 'chunked' }, { expect: '100-continue' }]) {
      const answer = await plane.call({ method: 'POST', headers, body: 'x'.repeat(100_000) })
      expect([answer.status, answer.headers.connection]).to.deep.equal([503, 'close'])
    }
    held[0]?.end()
    await running
  })

  it('X13, X14: are answered at once when the gateway stops, and those who left are forgotten', async () => {
    await start(1)
    const running = plane.call()
    await eventually(() => held.length === 1)
    const many = Array.from({ length: 120 }, () => plane.call())
    const gone = net.connect(plane.port, '127.0.0.1').on('error', () => undefined)
    gone.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await eventually(() => plane.shed.length === 121)
    gone.destroy()
    const closed = plane.proxy.close(5_000)
    expect(new Set((await Promise.all(many)).map(a => a.status))).to.deep.equal(new Set([503]))
    held[0]?.end('ok')
    expect((await running).body).to.equal('ok')
    await closed
  })

  it('X13: get it a second later when there are many beyond what their function takes, each once', async () => {
    await start(0)
    const endpoints = plane.table.get('ns/fn')?.endpoints ?? []
    plane.table.put({ key: 'ns/fn', uid: 'uid-1', replicas: 1, endpoints, settings: { maxInflight: 1 } })
    const running = plane.call()
    await eventually(() => held.length === 1)
    const many = Array.from({ length: 200 }, () => plane.call())
    await eventually(() => plane.finished.filter(f => f.code === 429).length === 200)
    expect(plane.inflight.total(), 'in flight while answers are held').to.equal(1)
    const gone = net.connect(plane.port, '127.0.0.1').on('error', () => undefined)
    gone.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await eventually(() => plane.finished.length === 201)
    gone.destroy()
    expect(new Set((await Promise.all(many)).map(a => a.status))).to.deep.equal(new Set([429]))
    held[0]?.end()
    expect((await running).status).to.equal(200)
    expect(plane.finished.length, 'ends that were told').to.equal(202)
  })
})

describe('Shedder', () => {
  it('X13: answers fifty of a burst at once, and the others a second later, each once', async () => {
    const shedder = new Shedder('test')
    const answeredAt: number[] = []
    const res = { writeHead: () => undefined, end: () => answeredAt.push(performance.now()) }
    const began = performance.now()
    for (let n = 0; n < 200; n++) {
      shedder.refuse({ headers: {} } as IncomingMessage, res as unknown as ServerResponse, false)
    }
    expect(answeredAt).to.have.length(50)
    await eventually(() => answeredAt.length === 200)
    expect(answeredAt[50] ?? 0).to.be.at.least(began + 900)
    shedder.stop()
    expect(answeredAt).to.have.length(200)
  })
})
