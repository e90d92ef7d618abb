import http from 'node:http'
import type net from 'node:net'
import { expect } from 'chai'
import type { CallSettings, RetrySettings } from '../../api/call-settings.ts'
import { closedPort, DataPlane, endpointOf, eventually, textOf } from '../../test/helpers/data-plane.ts'

const RETRY: RetrySettings = { attempts: 3, codes: [503, 502, 504, 429], minWaitMs: 5, maxWaitMs: 20 }

describe('calls that are tried again', () => {
  let plane: DataPlane
  /** `method body` of what came to the function. */
  let seen: string[]
  const planeWith = async (...args: ConstructorParameters<typeof DataPlane>) => {
    plane = await new DataPlane(...args).start()
  }
  beforeEach(() => {
    seen = []
  })
  afterEach(async () => {
    expect(plane.inflight.total(), 'in flight after the test').to.equal(0)
    await plane.stop()
  })

  function route(settings: CallSettings, ...ports: number[]) {
    plane.table.put({ key: 'ns/fn', uid: 'uid-1', replicas: ports.length, endpoints: ports.map(endpointOf), settings })
  }

  /** Answers with these statuses one after another, then 200. */
  function failing(statuses: number[], headers: http.OutgoingHttpHeaders = {}): Promise<number> {
    return plane.replica(async (req, res) => {
      seen.push(`${req.method} ${await textOf(req)}`)
      const status = statuses.shift() ?? 200
      res.writeHead(status, status === 200 ? {} : headers).end(`status ${status}`)
    })
  }

  describe('because com.openfaas.retry asks for it', () => {
    beforeEach(() => planeWith())

    it('hides answers with the statuses that it names, of a POST too', async () => {
      route({ retry: RETRY }, await failing([503, 502]))
      const answer = await plane.call({ method: 'POST', body: 'work' })
      expect([answer.status, answer.body]).to.deep.equal([200, 'status 200'])
      expect(seen).to.deep.equal(['POST work', 'POST work', 'POST work'])
      expect(plane.retried).to.equal(2)
      expect(plane.finished).to.deep.equal([{ key: 'ns/fn', code: 200 }])
    })

    it('gives the last answer when all tries are over', async () => {
      route({ retry: RETRY }, await failing([503, 503, 503, 503]))
      const answer = await plane.call()
      expect([answer.status, answer.body, seen.length]).to.deep.equal([503, 'status 503', 3])
      expect(answer.headers['x-openfaas-internal']).to.equal(undefined)
    })

    it('leaves other statuses alone', async () => {
      route({ retry: RETRY }, await failing([500]))
      expect([(await plane.call()).status, seen.length]).to.deep.equal([500, 1])
    })

    it('leaves a body alone that was not held', async () => {
      route({ retry: RETRY }, await failing([503, 503]))
      const options = { method: 'POST', body: 'work', headers: { 'transfer-encoding': 'chunked' } }
      expect([(await plane.call(options)).status, seen.length]).to.deep.equal([503, 1])
    })

    it('leaves a call alone whose caller tries again itself', async () => {
      plane.server.removeAllListeners('request').on('request', (req, res) => {
        const target = { namespace: 'ns', name: 'fn', path: '/', isRetriedByCaller: true }
        plane.proxy.handle(req, res, target)
      })
      route({ retry: RETRY }, await failing([503, 503]))
      expect([(await plane.call()).status, seen.length]).to.deep.equal([503, 1])
    })

    it('waits as long as Retry-After says', async () => {
      route({ retry: { ...RETRY, maxWaitMs: 6 } }, await failing([503], { 'Retry-After': '1' }))
      const began = performance.now()
      expect((await plane.call()).status).to.equal(200)
      expect(performance.now() - began).to.be.at.least(990)
    })

    it('gives the answer at once when the next try would begin after the total time', async () => {
      route({ retry: RETRY, totalTimeoutMs: 900 }, await failing([503], { 'Retry-After': '1' }))
      const answer = await plane.call()
      expect([answer.status, answer.headers['retry-after']]).to.deep.equal([503, '1'])
    })

    it('takes the time without a byte for the total time where there is none', async () => {
      route({ retry: RETRY, idleTimeoutMs: 900 }, await failing([503], { 'Retry-After': '1' }))
      expect((await plane.call()).status).to.equal(503)
    })

    it('ends while it waits, when the total time is over or the client leaves', async () => {
      const retry = { ...RETRY, attempts: 100, minWaitMs: 1, maxWaitMs: 1 }
      route({ retry, totalTimeoutMs: 150 }, await failing(Array.from({ length: 1000 }, () => 503)))
      expect([503, 504]).to.include((await plane.call()).status)
      route({ retry: { ...retry, minWaitMs: 60_000, maxWaitMs: 60_000 }, idleTimeoutMs: 120_000 }, await failing([503]))
      const req = http
        .request({ port: plane.port, host: '127.0.0.1', agent: false })
        .on('error', () => undefined)
        .end()
      const before = seen.length
      await eventually(() => seen.length > before && plane.inflight.total() === 0)
      req.destroy()
      await eventually(() => plane.finished.some(f => f.code === 499))
    })

    it('tries again what was lost, though it may have been carried out', async () => {
      const lose = await plane.rawReplica(socket =>
        socket.on('data', () => {
          seen.push('lost')
          socket.destroy()
        })
      )
      route({ retry: { ...RETRY, attempts: 2 } }, lose)
      const answer = await plane.call({ method: 'POST', body: 'work' })
      expect([answer.status, answer.headers['x-docker-faas-reason'], seen.length]).to.deep.equal([
        ...[502, 'ConnectionLost', 2]
      ])
    })

    it('tries again when no answer began in time, and when all replicas are full', async () => {
      const held: http.ServerResponse[] = []
      const port = await plane.replica((_req, res) => {
        if (held.push(res) > 1) res.end('ok')
      })
      route(
        { retry: { ...RETRY, attempts: 50 }, firstByteTimeoutMs: 200, totalTimeoutMs: 10_000, maxInflight: 1 },
        port
      )
      const [first, second] = await Promise.all([plane.call(), plane.call()])
      expect([first.status, second.status]).to.deep.equal([200, 200])
      expect(plane.timedOut).to.deep.equal(['ns/fn first_byte'])
      expect(plane.shed, 'it was not refused').to.deep.equal([])
    })

    it('X14: holds no stop up with a wait for another try', async () => {
      route({ retry: { ...RETRY, minWaitMs: 60_000, maxWaitMs: 60_000 }, idleTimeoutMs: 120_000 }, await failing([503]))
      const call = plane.call()
      await eventually(() => seen.length === 1 && plane.inflight.total() === 0)
      await plane.proxy.close(60_000)
      const { status, headers } = await call
      expect([status, headers['x-docker-faas-reason'], headers.connection]).to.deep.equal([
        ...[503, 'ShuttingDown', 'close']
      ])
      expect([seen.length, plane.retried]).to.deep.equal([1, 0])
    })

    it('gives what it has when the gateway is told to stop', async () => {
      const held: http.ServerResponse[] = []
      route({ retry: RETRY }, await plane.replica((_req, res) => held.push(res)))
      const call = plane.call()
      await eventually(() => held.length === 1)
      const closed = plane.proxy.close(5_000)
      held[0]?.writeHead(503).end('busy')
      expect((await call).body).to.equal('busy')
      await closed
    })
  })

  it('X9: sends nothing again that was answered, where no annotation asks for it', async () => {
    await planeWith()
    route({}, await failing([503, 502]))
    expect([(await plane.call()).status, seen.length]).to.deep.equal([503, 1])
  })

  describe('because one of several replicas is bad', () => {
    const kinds = {
      refuses: undefined,
      'takes no call': (socket: net.Socket) => socket.destroy(),
      'resets each call': (socket: net.Socket) => socket.on('data', () => socket.resetAndDestroy()),
      'closes each call': (socket: net.Socket) => socket.on('data', () => socket.end())
    }
    for (const [what, onSocket] of Object.entries(kinds)) {
      it(`X10: fails no GET when it ${what}, and soon gives it no more calls`, async () => {
        await planeWith()
        let calls = 0
        const bad = await plane.rawReplica(socket => {
          calls++
          onSocket?.(socket)
        })
        const dead = onSocket === undefined ? await closedPort() : bad
        route({}, dead, await failing([]), await failing([]))
        const answers: number[] = []
        for (let n = 0; n < 100; n++) answers.push((await plane.call()).status)
        expect(new Set(answers)).to.deep.equal(new Set([200]))
        expect(plane.unreachable).to.deep.equal([`ns/fn c${dead}`])
        expect(calls).to.be.at.most(6)
      })
    }

    it('X10: leaves the only replica in, and one that answers between losses', async () => {
      await planeWith({ random: () => 0 })
      let n = 0
      const moody = await plane.replica((req, res) => (++n % 3 === 0 ? res.end() : req.socket.destroy()))
      route({}, moody)
      for (let i = 0; i < 9; i++) await plane.call({ method: 'POST', body: 'x' })
      route({}, await plane.rawReplica(socket => socket.destroy()))
      for (let i = 0; i < 9; i++) await plane.call({ method: 'POST', body: 'x' })
      expect(plane.unreachable).to.deep.equal([])
    })
  })
})
