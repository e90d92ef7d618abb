import { once } from 'node:events'
import http, { type IncomingMessage } from 'node:http'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect } from 'chai'
import { DataPlane, eventually, PATIENT } from '../../test/helpers/data-plane.ts'

const MIB = 1024 * 1024
const SIZE = 256 * MIB
const CHUNK = Buffer.alloc(64 * 1024, 'x')

/** Ends what nothing refers to any more, so that only what is held is measured. */
const collectGarbage: () => void = (() => {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc')
})()

/** Peak of external and heap memory that is held above the start, in bytes, while `work` runs; looked at seldom, as a look takes long. */
async function peakWhile(work: () => Promise<unknown>): Promise<number> {
  const held = () => {
    collectGarbage()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
  const before = held()
  let peak = 0
  const timer = setInterval(() => {
    peak = Math.max(peak, held() - before)
  }, 100)
  await work()
  clearInterval(timer)
  return peak
}

/** Writes `SIZE` bytes as fast as the other side takes them. */
function pour(stream: http.ServerResponse | http.ClientRequest): { sent: () => number } {
  let sent = 0
  const more = () => {
    while (sent < SIZE) {
      sent += CHUNK.length
      if (!stream.write(CHUNK)) {
        stream.once('drain', more)
        return
      }
    }
    stream.end()
  }
  more()
  return { sent: () => sent }
}

describe('streaming of large bodies', function () {
  this.timeout(180_000)
  let plane: DataPlane
  beforeEach(async () => {
    plane = await new DataPlane({ timeouts: { ...PATIENT, execMs: 60_000, readMs: 60_000 } }).start()
  })
  afterEach(() => plane.stop())

  it('holds the function back while the client does not read, then passes all 256 MiB', async () => {
    let source = { sent: () => 0 }
    plane.route(
      await plane.replica((_req, res) => {
        source = pour(res)
      })
    )
    let got = 0
    const peak = await peakWhile(async () => {
      const req = http.get({ port: plane.port, host: '127.0.0.1', agent: false })
      const [res] = (await once(req, 'response')) as [IncomingMessage]
      res.pause()
      await eventually(() => source.sent() > 0)
      await new Promise(resolve => setTimeout(resolve, 300))
      // What fits into the buffers of four sockets, and no more.
      expect(source.sent(), 'sent to a client that does not read').to.be.lessThan(40 * MIB)
      for await (const chunk of res) got += (chunk as Buffer).length
    })
    expect(got).to.equal(SIZE)
    expect(peak / MIB, 'MiB in use').to.be.lessThan(64)
  })

  for (const [what, headers] of [
    ['with a length', { 'content-length': SIZE }],
    ['in chunks', { 'transfer-encoding': 'chunked' }]
  ] as const) {
    it(`passes an upload of 256 MiB ${what} without holding it`, async () => {
      let got = 0
      plane.route(
        await plane.replica(async (req, res) => {
          for await (const chunk of req) got += (chunk as Buffer).length
          res.end('thanks')
        })
      )
      const peak = await peakWhile(async () => {
        const req = http.request({ port: plane.port, host: '127.0.0.1', method: 'POST', agent: false, headers })
        pour(req)
        const [res] = (await once(req, 'response')) as [IncomingMessage]
        res.resume()
        await once(res, 'end')
      })
      expect(got).to.equal(SIZE)
      expect(peak / MIB, 'MiB in use').to.be.lessThan(64)
    })
  }

  it('waits once for a client that does not read, in however small pieces the answer comes', async () => {
    const warnings: Error[] = []
    const onWarning = (warning: Error) => warnings.push(warning)
    process.on('warning', onWarning)
    const piece = '1\r\na\r\n'.repeat(10_000)
    let written = 0
    const port = await plane.rawReplica(socket => {
      const pour = () => {
        while (written < 8 * MIB) {
          written += piece.length
          if (!socket.write(piece)) return
        }
        socket.end('0\r\n\r\n')
      }
      socket.on('drain', pour).once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
        pour()
      })
    })
    plane.route(port)
    const [res] = (await once(http.get({ port: plane.port, host: '127.0.0.1', agent: false }), 'response')) as [
      IncomingMessage
    ]
    let before = -1
    await eventually(() => {
      const isHeld = before === written
      before = written
      return isHeld
    })
    let got = 0
    for await (const chunk of res) got += (chunk as Buffer).length
    process.off('warning', onWarning)
    expect([got, warnings]).to.deep.equal([(Math.ceil((8 * MIB) / piece.length) * piece.length) / 6, []])
  })

  it('holds the client back while the function does not read its body', async () => {
    let resume: (() => unknown) | undefined
    let got = 0
    plane.route(
      await plane.replica((req, res) => {
        resume = () =>
          req
            .on('data', chunk => {
              got += chunk.length
            })
            .on('end', () => res.end())
      })
    )
    const req = http.request({
      port: plane.port,
      host: '127.0.0.1',
      method: 'POST',
      agent: false,
      headers: { 'content-length': SIZE }
    })
    const source = pour(req)
    await eventually(() => resume !== undefined)
    await new Promise(resolve => setTimeout(resolve, 300))
    expect(source.sent()).to.be.lessThan(40 * MIB)
    resume?.()
    const [res] = (await once(req, 'response')) as [IncomingMessage]
    res.resume()
    await once(res, 'end')
    expect(got).to.equal(SIZE)
  })

  it('gives the answer to an upload that the function refuses before its end', async () => {
    plane.route(
      await plane.replica((_req, res) => {
        res.writeHead(413).end('too large')
      })
    )
    const answers = []
    for (let n = 0; n < 5; n++) {
      const req = http.request({
        port: plane.port,
        host: '127.0.0.1',
        method: 'POST',
        agent: false,
        headers: { 'content-length': 8 * MIB }
      })
      req.on('error', () => undefined)
      req.end(Buffer.alloc(8 * MIB))
      const [res] = (await once(req, 'response')) as [IncomingMessage]
      res.resume()
      answers.push(res.statusCode)
    }
    expect(answers).to.deep.equal([413, 413, 413, 413, 413])
    await eventually(() => plane.inflight.total() === 0)
  })
})
