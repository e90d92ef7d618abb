import http from 'node:http'
import { expect } from 'chai'
import { DataPlane, endpointOf, eventually, PATIENT } from '../../test/helpers/data-plane.ts'
import type { ProxyDeps } from './proxy-deps.ts'

const ZERO = { key: 'ns/fn', uid: 'uid-1', replicas: 0, endpoints: [] }

describe('calls of functions that sleep', () => {
  let plane: DataPlane
  const planeWith = async (overrides: Partial<ProxyDeps> = {}) => {
    plane = await new DataPlane(overrides).start()
    plane.table.markComplete()
  }
  afterEach(() => plane.stop())

  it('X11: holds 1,000 calls at once, asks once for all, and lets all through when the first replica is there', async () => {
    await planeWith({ timeouts: { ...PATIENT, waitMs: 30_000 } })
    plane.table.put(ZERO)
    const port = await plane.replica((_req, res) => res.end('up'))
    const calls = Array.from({ length: 1000 }, () => plane.call())
    await eventually(() => plane.held === 1000)
    expect(plane.woken).to.deep.equal(['ns/fn'])
    plane.route(port)
    const answers = await Promise.all(calls)
    expect(answers.filter(({ status, body }) => status === 200 && body === 'up')).to.have.length(1000)
    expect([plane.waited.length, plane.held, plane.woken.length]).to.deep.equal([1000, 0, 1])
  }).timeout(30_000)

  for (const [situation, frozen] of [
    ['frozen', [endpointOf(1)]],
    ['frozen, and nothing of it is left to thaw,', []]
  ] as const) {
    it(`holds a call of a function that is ${situation} until it is back`, async () => {
      await planeWith()
      plane.table.put({ ...ZERO, replicas: 1, frozen })
      const call = plane.call()
      await eventually(() => plane.woken.length === 1)
      plane.route(await plane.replica((_req, res) => res.end('up')))
      expect((await call).body).to.equal('up')
    })
  }

  it('asks at once though the loop is about to look, and again for those who still wait when it has looked', async () => {
    await planeWith()
    plane.pending.add('ns/fn')
    plane.table.put(ZERO)
    const calls = [plane.call(), plane.call()]
    await eventually(() => plane.held === 2)
    plane.table.put({ ...ZERO })
    expect(plane.woken).to.deep.equal(['ns/fn', 'ns/fn'])
    plane.table.put({ ...ZERO, replicas: 1 })
    plane.route(await plane.replica((_req, res) => res.end('up')))
    for (const call of calls) expect((await call).body).to.equal('up')
    plane.table.put(ZERO)
    expect(plane.woken).to.have.length(2)
  })

  it('X12: asks nobody to be woken once the client that waited has left', async () => {
    await planeWith({ waitMax: 1 })
    plane.table.put(ZERO)
    const leaver = http.get({ port: plane.port, host: '127.0.0.1', agent: false }).on('error', () => undefined)
    await eventually(() => plane.held === 1)
    leaver.destroy()
    await eventually(() => plane.held === 0)
    plane.table.put({ ...ZERO })
    expect(plane.woken).to.have.length(1)
    const next = plane.call()
    await eventually(() => plane.held === 1)
    plane.table.remove('ns/fn')
    expect((await next).status).to.equal(404)
  })

  it('answers 504 that says where to look when it does not come up in its time, which an annotation may give', async () => {
    await planeWith()
    plane.table.put({ ...ZERO, settings: { wakeTimeoutMs: 30 } })
    const answer = await plane.call()
    expect([answer.status, answer.headers['x-docker-faas-reason']]).to.deep.equal([504, 'WakeTimeout'])
    expect(answer.body).to.match(/within 30 ms.*status and events.*com\.docker-faas\.scale\.wake-timeout/)
  })

  it('answers 504 also when it is starting by then, and 503 when nobody had to wake it', async () => {
    await planeWith({ timeouts: { ...PATIENT, waitMs: 50 } })
    plane.table.put(ZERO)
    const call = plane.call()
    await eventually(() => plane.woken.length === 1)
    plane.table.put({ ...ZERO, replicas: 1 })
    expect((await call).status).to.equal(504)
    plane.route(1)
    plane.table.put({ ...ZERO, replicas: 1 })
    expect((await plane.call()).status).to.equal(503)
  })

  it('answers 503 to a call whose body has no room beside those that wait', async () => {
    await planeWith({ waitBytesMax: 8000 })
    plane.table.put(ZERO)
    const first = plane.call({ method: 'POST', body: Buffer.alloc(6000) })
    await eventually(() => plane.held === 1)
    const refused = await plane.call({ method: 'POST', body: Buffer.alloc(6000) })
    expect([refused.status, refused.headers['retry-after'], refused.headers['x-docker-faas-reason']]).to.deep.equal([
      503,
      '1',
      'TooManyWaiting'
    ])
    const second = plane.call()
    await eventually(() => plane.held === 2)
    plane.route(await plane.replica((req, res) => req.pipe(res)))
    expect([(await first).body.length, (await second).status]).to.deep.equal([6000, 200])
  })
})
