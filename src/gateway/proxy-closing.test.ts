import http from 'node:http'
import { expect } from 'chai'
import { DataPlane, eventually } from '../../test/helpers/data-plane.ts'

describe('closing of the proxy', () => {
  it('X14: refuses those that wait, and lets a running one end', async () => {
    const plane = await new DataPlane().start()
    const held: http.ServerResponse[] = []
    plane.table.put({ key: 'ns/fn', uid: 'uid-1', replicas: 1, endpoints: [] })
    const port = await plane.replica((_req, res) => held.push(res))
    plane.route(port)
    const running = plane.call()
    await eventually(() => held.length === 1)
    plane.route()
    const waiting = plane.call()
    await eventually(() => plane.held === 1)
    const closed = plane.proxy.close(5_000)
    const refused = await waiting
    expect([refused.status, refused.headers.connection]).to.deep.equal([503, 'close'])
    expect((await plane.call()).status).to.equal(503)
    held[0]?.end('whole')
    expect((await running).body).to.equal('whole')
    await closed
    await plane.stop()
  })

  it('X14: serves calls that still come over a kept connection, says that it ends, and refuses all after that', async () => {
    const plane = await new DataPlane().start()
    const held: http.ServerResponse[] = []
    plane.route(await plane.replica((req, res) => (req.url === '/hold' ? held.push(res) : res.end('ok'))))
    const running = plane.call({ path: '/hold' })
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    expect((await plane.call({ agent })).headers.connection).to.equal('keep-alive')
    await eventually(() => held.length === 1)
    const closed = plane.proxy.close(5_000)
    const late = await plane.call({ agent })
    expect([late.status, late.body, late.headers.connection]).to.deep.equal([200, 'ok', 'close'])
    held[0]?.end('whole')
    expect((await running).body).to.equal('whole')
    await closed
    const refused = await plane.call()
    expect([refused.status, refused.headers['x-docker-faas-reason']]).to.deep.equal([503, 'ShuttingDown'])
    agent.destroy()
    await plane.stop()
  })

  it('X14: cuts off what is not over after the grace period', async () => {
    const plane = await new DataPlane().start()
    const port = await plane.replica((_req, res) => res.write('begin'))
    plane.route(port)
    const running = plane.call().then(
      () => 'whole',
      () => 'cut off'
    )
    await eventually(() => plane.inflight.total() === 1)
    await plane.proxy.close(50)
    expect(await running).to.equal('cut off')
    expect(plane.inflight.total()).to.equal(0)
    await plane.stop()
  })
})
