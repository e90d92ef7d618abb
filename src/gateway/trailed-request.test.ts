import { Readable } from 'node:stream'
import { expect } from 'chai'
import type { Dispatcher } from 'undici'
import { closedPort, DataPlane, endpointOf, eventually } from '../../test/helpers/data-plane.ts'
import { TrailedRequest } from './trailed-request.ts'

const TRAILERS = { announced: new Set(['x-sum']), read: () => ['X-Sum', '42'] }

describe('TrailedRequest', () => {
  let plane: DataPlane
  let told: string[]
  let got: number
  let onData: (request: TrailedRequest) => void
  beforeEach(async () => {
    plane = await new DataPlane().start()
    told = []
    got = 0
    onData = () => undefined
  })
  afterEach(() => plane.stop())

  function send(port: number, headers: string[] = []): TrailedRequest {
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart: () => void told.push('start'),
      onResponseStart: (_controller, status) => void told.push(String(status)),
      onResponseData: (_controller, chunk) => {
        got += chunk.length
        onData(request)
      },
      onResponseEnd: () => void told.push('end'),
      onResponseError: (_controller, err) => void told.push('code' in err ? String(err.code) : err.message)
    }
    const request = new TrailedRequest(handler)
    const body = Readable.from([Buffer.from('abc')])
    request.send(endpointOf(port), 500, { method: 'POST', path: '/', headers, body }, TRAILERS)
    return request
  }

  it('X16: tells how it went, and sends the trailers behind the body', async () => {
    let sum: string | undefined
    const port = await plane.replica((req, res) => {
      req.resume().once('end', () => {
        sum = req.trailers['x-sum']
        res.end('ok')
      })
    })
    send(port)
    await eventually(() => told.includes('end'))
    expect([told, got, sum]).to.deep.equal([['start', '200', 'end'], 2, '42'])
  })

  it('X16: says that it was not sent when nobody listens, or a header cannot be', async () => {
    send(await closedPort())
    await eventually(() => told.length > 0)
    send(1, ['X-Bad', 'a\nb'])
    expect(told).to.deep.equal(['ECONNREFUSED', 'UND_ERR_INVALID_ARG'])
  })

  it('X16: fails when the other side takes up another protocol', async () => {
    const port = await plane.replica((_req, res) => {
      res.socket?.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n')
    })
    send(port)
    await eventually(() => told.length > 1)
    expect(told).to.deep.equal(['start', 'UND_ERR_SOCKET'])
  })

  it('X16: stands still while it is paused, and says nothing more once it was aborted', async () => {
    const port = await plane.replica((_req, res) => {
      res.write(Buffer.alloc(100_000))
      setImmediate(() => res.write(Buffer.alloc(5_000_000)))
    })
    onData = request => request.pause()
    const request = send(port)
    await eventually(() => got > 0)
    const before = got
    await new Promise(resolve => setTimeout(resolve, 20))
    expect(got).to.equal(before)
    onData = () => undefined
    request.resume()
    await eventually(() => got === 5_100_000)
    request.abort(new Error('enough'))
    expect(request.aborted).to.equal(true)
    await new Promise(resolve => setTimeout(resolve, 20))
    expect(told).to.deep.equal(['start', '200'])
  })
})
