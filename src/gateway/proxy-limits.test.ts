import http from 'node:http'
import { expect } from 'chai'
import type { CallSettings } from '../../api/call-settings.ts'
import { DataPlane, endpointOf, eventually, PATIENT } from '../../test/helpers/data-plane.ts'
import { closeAtEnd, OPENED, opening, RawSide } from '../../test/helpers/websocket.ts'

/** The gateway's own: long, so that a call that ends does so by what its function says. */
const LONG = { ...PATIENT, execMs: 60_000, readMs: 60_000 }

describe('limits that a function says of its calls', () => {
  let plane: DataPlane
  beforeEach(async () => {
    plane = await new DataPlane({ timeouts: LONG }).start()
  })
  afterEach(async () => {
    expect(plane.inflight.total(), 'in flight after the test').to.equal(0)
    await plane.stop()
  })

  /** Routes ns/fn to these ports, with settings of its own. */
  function route(settings: CallSettings, ...ports: number[]) {
    plane.table.put({ key: 'ns/fn', uid: 'uid-1', replicas: ports.length, endpoints: ports.map(endpointOf), settings })
  }

  describe('max-inflight', () => {
    it('answers 429 with Retry-After when every replica has as many calls as it may, and counts it', async () => {
      const held: http.ServerResponse[] = []
      const hold: http.RequestListener = (_req, res) => held.push(res)
      route({ maxInflight: 2 }, await plane.replica(hold), await plane.replica(hold))
      const running = Array.from({ length: 4 }, () => plane.call())
      await eventually(() => held.length === 4)
      const answer = await plane.call()
      const { 'retry-after': retryAfter, 'x-docker-faas-reason': reason } = answer.headers
      expect([answer.status, retryAfter, reason]).to.deep.equal([429, '1', 'TooManyInFlight'])
      expect(answer.body).to.equal(
        'each replica of function ns/fn has the 2 calls that com.openfaas.max-inflight allows\n'
      )
      expect(plane.shed).to.deep.equal(['ns/fn max_inflight'])
      held.shift()?.end()
      await eventually(() => plane.inflight.total() === 3)
      const next = plane.call()
      await eventually(() => held.length === 4)
      for (const res of held) res.end()
      expect((await Promise.all([...running, next])).map(a => a.status)).to.deep.equal([200, 200, 200, 200, 200])
    })

    it('never gives a replica more, whatever comes at once', async () => {
      let running = 0
      let most = 0
      const port = await plane.replica(async (_req, res) => {
        most = Math.max(most, ++running)
        await eventually(() => most >= 3 && plane.shed.length > 0)
        running--
        res.end()
      })
      route({ maxInflight: 3 }, port)
      const answers = await Promise.all(Array.from({ length: 60 }, () => plane.call()))
      expect(new Set(answers.map(a => a.status))).to.deep.equal(new Set([200, 429]))
      expect(most).to.equal(3)
    })
  })

  describe('timeouts', () => {
    const silent = () => {
      let isClosed = false
      const port = plane.rawReplica(socket => {
        socket.resume().on('close', () => {
          isClosed = true
        })
      })
      return { port, isClosed: () => isClosed }
    }

    it('X7: first-byte ends a call whose answer does not begin, and its connection', async () => {
      const replica = silent()
      route({ firstByteTimeoutMs: 100 }, await replica.port)
      const answer = await plane.call({ method: 'POST', body: 'work' })
      expect([answer.status, answer.headers['x-docker-faas-reason']]).to.deep.equal([504, 'FirstByteTimeout'])
      expect(answer.body).to.contain('within 100 ms')
      await eventually(replica.isClosed)
      expect(plane.unreachable, 'one timeout is no reason to leave a replica alone').to.deep.equal([])
      expect(plane.timedOut).to.deep.equal(['ns/fn first_byte'])
    })

    it('first-byte lets an answer that has begun take its time', async () => {
      const port = await plane.replica((_req, res) => {
        res.write('a')
        setTimeout(() => res.end('b'), 400)
      })
      route({ firstByteTimeoutMs: 100 }, port)
      expect((await plane.call()).body).to.equal('ab')
    })

    it('first-byte runs from the last byte of the body on', async () => {
      const port = await plane.replica((req, res) => req.resume().on('end', () => res.end('ok')))
      route({ firstByteTimeoutMs: 150 }, port)
      const { status } = await slowUpload(plane.port, 8, 50)
      expect(status).to.equal(200)
    })

    it('idle cuts off an answer that stops, though the function may take longer to begin', async () => {
      const port = await plane.replica((_req, res) => setTimeout(() => res.write('begin'), 300))
      route({ idleTimeoutMs: 100, firstByteTimeoutMs: 5_000 }, port)
      const error = await plane.call().catch((err: NodeJS.ErrnoException) => err.code)
      expect(error).to.equal('ECONNRESET')
      expect(plane.timedOut).to.deep.equal(['ns/fn idle'])
      expect(plane.finished).to.deep.equal([{ key: 'ns/fn', code: 502 }])
    })

    it('idle stands for first-byte where that is not said', async () => {
      route({ idleTimeoutMs: 100 }, await silent().port)
      const answer = await plane.call()
      expect([answer.status, answer.headers['x-docker-faas-reason']]).to.deep.equal([504, 'ExecTimeout'])
    })

    it('total answers 504 though the function says now and then that it works on', async () => {
      const port = await plane.replica((_req, res) => {
        const timer = setInterval(() => res.writeProcessing(), 20)
        res.on('close', () => clearInterval(timer))
      })
      route({ totalTimeoutMs: 200 }, port)
      const answer = await plane.call()
      expect([answer.status, answer.headers['x-docker-faas-reason']]).to.deep.equal([504, 'TotalTimeout'])
      expect(plane.timedOut).to.deep.equal(['ns/fn total'])
    })

    it('total cuts off an answer that never ends', async () => {
      const port = await plane.replica((_req, res) => {
        res.write('x')
        const timer = setInterval(() => res.write('x'), 20)
        res.on('close', () => clearInterval(timer))
      })
      // Long enough for its beginning on a busy machine.
      route({ totalTimeoutMs: 500 }, port)
      expect(await plane.call().catch((err: NodeJS.ErrnoException) => err.code)).to.equal('ECONNRESET')
    })

    it('total holds for those that wait for a replica', async () => {
      route({ totalTimeoutMs: 100 })
      plane.pending.add('ns/fn')
      const answer = await plane.call()
      expect([answer.status, answer.headers['x-docker-faas-reason']]).to.deep.equal([504, 'TotalTimeout'])
      expect(plane.held).to.equal(0)
    })

    it('holds for calls that came before the function was known', async () => {
      const call = plane.call()
      await eventually(() => plane.held === 1)
      route({ firstByteTimeoutMs: 100 }, await silent().port)
      expect((await call).status).to.equal(504)
    })

    it('connect gives an address up that takes no connection, and the next replica gets the call', async () => {
      const live = await plane.replica((_req, res) => res.end('ok'))
      plane.table.put({
        key: 'ns/fn',
        uid: 'uid-1',
        replicas: 2,
        // An address of TEST-NET-1 swallows packets or is refused at once: both are no connection.
        endpoints: [{ containerId: 'void', host: '192.0.2.1', port: 80 }],
        settings: { connectTimeoutMs: 100 }
      })
      const call = plane.call()
      await eventually(() => plane.unreachable.length === 1)
      route({ connectTimeoutMs: 100 }, live)
      expect((await call).body).to.equal('ok')
    })

    for (const [kind, settings] of [
      ['idle', { idleTimeoutMs: 300 }],
      ['total', { totalTimeoutMs: 500 }]
    ] as const) {
      it(`${kind} holds for sessions`, async () => {
        const port = await plane.rawReplica(socket => socket.once('data', () => socket.write(OPENED)))
        route(settings, port)
        const client = await RawSide.connect(plane.port)
        client.socket.write(opening())
        await client.has('\r\n\r\n')
        await eventually(() => closeAtEnd(client.after)?.code === 1001)
        expect(plane.timedOut).to.deep.equal([`ns/fn ${kind}`])
        client.socket.destroy()
        await eventually(() => plane.inflight.total() === 0)
      })
    }

    it('lets calls of other functions be', async () => {
      const held: http.ServerResponse[] = []
      const port = await plane.replica((_req, res) => held.push(res))
      route({}, port)
      const other = plane.call()
      await eventually(() => held.length === 1)
      route({ firstByteTimeoutMs: 80 }, port)
      expect((await plane.call()).status).to.equal(504)
      held[0]?.end('ok')
      expect((await other).body).to.equal('ok')
    })
  })
})

/** A body in `chunks` parts, one each `everyMs`. */
async function slowUpload(port: number, chunks: number, everyMs: number): Promise<{ status: number | undefined }> {
  const req = http.request({ port, host: '127.0.0.1', method: 'POST', agent: false })
  let sent = 0
  const timer = setInterval(() => {
    req.write('x'.repeat(100))
    if (++sent < chunks) return
    clearInterval(timer)
    req.end()
  }, everyMs)
  return new Promise((resolve, reject) => {
    req.on('error', reject).on('response', res => {
      res.resume().on('end', () => resolve({ status: res.statusCode }))
    })
  })
}
