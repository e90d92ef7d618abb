import { once } from 'node:events'
import net from 'node:net'
import { Readable } from 'node:stream'
import { expect } from 'chai'
import { AUTHORIZATION, startApi } from '../helpers/api-server.ts'
import { eventually } from '../helpers/data-plane.ts'
import { talk } from '../helpers/raw-http.ts'

const HOST = 'Host: x\r\n'
const AUTH = `${HOST}Authorization: ${AUTHORIZATION}\r\n`

describe('clients that are slow on purpose', () => {
  it('X1: are cut off when they send a byte of their head now and then', async () => {
    await using api = await startApi({}, { headersTimeoutMs: 300 })
    const socket = net.connect(api.port, '127.0.0.1').on('error', () => undefined)
    let said = ''
    socket.on('data', chunk => {
      said += chunk
    })
    socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\nA: ')
    const dribble = setInterval(() => socket.write('a'), 20)
    await once(socket, 'close')
    clearInterval(dribble)
    expect(said).to.match(/^HTTP\/1\.1 408 [\s\S]*HEAD_TIMEOUT/)
  })

  it('X1: are cut off when they connect and say nothing', async () => {
    await using api = await startApi({}, { headersTimeoutMs: 200 })
    expect((await talk(api.port, '')).closed).to.equal(true)
  })

  it('X1: are cut off when they send a body of the API byte by byte', async () => {
    await using api = await startApi({ readTimeoutMs: 300 })
    const socket = net.connect(api.port, '127.0.0.1').on('error', () => undefined)
    let said = ''
    socket.on('data', chunk => {
      said += chunk
    })
    socket.write(`POST /v1/functions HTTP/1.1\r\n${AUTH}Content-Length: 1000\r\n\r\n{`)
    const dribble = setInterval(() => socket.write(' '), 20)
    await once(socket, 'close')
    clearInterval(dribble)
    expect(said).to.match(/^HTTP\/1\.1 408 [\s\S]*BODY_TIMEOUT/)
  })

  it('X1: are cut off when they do not read an answer of the API, and a watch that waits is not', async () => {
    const answered: net.Socket[] = []
    await using api = await startApi(
      {},
      {
        writeTimeoutMs: 200,
        api: (req, res) => {
          answered.push(req.socket)
          if (req.url === '/watch') res.flushHeaders()
          else Readable.from(endless()).pipe(res)
        }
      }
    )
    const watch = net.connect(api.port, '127.0.0.1')
    watch.write(`GET /watch HTTP/1.1\r\n${HOST}\r\n`)
    await eventually(() => answered.length === 1)
    const slow = net.connect(api.port, '127.0.0.1').on('error', () => undefined)
    slow.write(`GET /much HTTP/1.1\r\n${HOST}\r\n`)
    await eventually(() => answered.length === 2 && answered[1]?.destroyed === true)
    expect(answered[0]?.destroyed).to.equal(false)
    watch.destroy()
    slow.destroy()
  })
})

function* endless(): Generator<Buffer> {
  for (;;) yield Buffer.alloc(65_536)
}
