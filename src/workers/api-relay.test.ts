import { once } from 'node:events'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { expect } from 'chai'
import { eventually } from '../../test/helpers/eventually.ts'
import { isEncrypted, peerAddressOf } from '../peer.ts'
import { ApiRelay } from './api-relay.ts'
import { ApiSocket } from './api-socket.ts'

type Handler = (req: IncomingMessage, res: ServerResponse) => void

describe('what is no call of a function, handed on by a worker', () => {
  let api: Handler
  let socket: ApiSocket
  let relay: ApiRelay
  let front: http.Server
  let base: string

  beforeEach(async () => {
    socket = new ApiSocket((req, res) => api(req, res), tmpdir())
    await socket.open()
    relay = new ApiRelay(socket.path)
    front = http.createServer(relay.handle)
    front.on('checkContinue', relay.handle)
    front.listen(0, '127.0.0.1')
    await once(front, 'listening')
    base = `http://127.0.0.1:${(front.address() as AddressInfo).port}`
  })
  afterEach(async () => {
    front.closeAllConnections()
    front.close()
    relay.close()
    await socket.close()
  })

  it('keeps method, path, headers and body, and says whose connection it came over, whatever the client says', async () => {
    let seen: object = {}
    api = async (req, res) => {
      const chunks = await req.toArray()
      const { method, url, headers, rawHeaders } = req
      seen = {
        method,
        url,
        peer: peerAddressOf(req),
        isEncrypted: isEncrypted(req),
        body: Buffer.concat(chunks).toString()
      }
      expect(JSON.stringify([headers, rawHeaders]))
        .not.to.contain('docker-faas-peer')
        .and.not.to.contain('203.0.113.9')
      expect(rawHeaders).to.include('X-Odd')
      res.writeHead(201, 'Made', { 'X-Answer': ['a', 'b'] }).end('done')
    }
    const headers = { 'X-Docker-Faas-Peer': '203.0.113.9 tls', 'X-Odd': 'yes' }
    const answer = await fetch(`${base}/v1/functions?x=1`, { method: 'POST', headers, body: 'the body' })
    const path = '/v1/functions?x=1'
    expect(seen).to.deep.equal({ method: 'POST', url: path, peer: '127.0.0.1', isEncrypted: false, body: 'the body' })
    expect([answer.status, answer.statusText, answer.headers.get('x-answer')]).to.deep.equal([201, 'Made', 'a, b'])
    expect(await answer.text()).to.equal('done')
  })

  it('streams the answer as it comes, and ends it when the client leaves', async () => {
    const left = Promise.withResolvers<void>()
    api = (_req, res) => {
      res.flushHeaders()
      res.on('close', () => left.resolve())
      setTimeout(() => res.write('first\n'), 20)
    }
    const aborter = new AbortController()
    const answer = await fetch(`${base}/v1/watch`, { signal: aborter.signal })
    const reader = answer.body?.getReader()
    expect(Buffer.from((await reader?.read())?.value ?? '').toString()).to.equal('first\n')
    aborter.abort()
    await left.promise
  })

  it('cuts off an answer that broke off, and answers 503 when the controller does not', async () => {
    api = (_req, res) => {
      res.writeHead(200, { 'Content-Length': 10 }).write('half')
      setTimeout(() => res.destroy(), 20)
    }
    const answer = await fetch(`${base}/v1/functions`)
    expect(await answer.text().catch(() => 'cut')).to.equal('cut')
    await socket.close()
    const { status, headers } = await fetch(`${base}/v1/functions`)
    expect([status, headers.get('content-type')]).to.deep.equal([503, 'application/problem+json'])
  })

  it('answers all of many that come at the same moment, and does not take a queue for a controller that is away', async () => {
    api = (_req, res) => res.end()
    const ask = () =>
      new Promise<number>((resolve, reject) => {
        const request = http.get({ socketPath: socket.path, agent: false }, answer => {
          answer.resume()
          resolve(answer.statusCode ?? 0)
        })
        request.on('error', reject)
      })
    // All of them connect before the first is taken in.
    const outcomes = await Promise.allSettled(Array.from({ length: 1000 }, ask))
    expect(outcomes.filter(({ status }) => status === 'rejected')).to.deep.equal([])
  })

  it('asks for a body only when the API does, and lets go of one that nobody wants', async () => {
    let isWanted = true
    api = (req, res) => {
      if (!isWanted) return void res.writeHead(413).end('no')
      res.writeContinue()
      req.resume().on('end', () => res.end('took it'))
    }
    const send = async () => {
      const req = http.request(`${base}/v1/functions`, { method: 'POST', headers: { Expect: '100-continue' } })
      let isAsked = false
      req.on('continue', () => {
        isAsked = true
        req.end('body')
      })
      req.flushHeaders()
      const [res] = (await once(req, 'response')) as [IncomingMessage]
      const text = Buffer.concat(await res.toArray()).toString()
      req.destroy()
      return { isAsked, text }
    }
    expect(await send()).to.deep.equal({ isAsked: true, text: 'took it' })
    isWanted = false
    expect(await send()).to.deep.equal({ isAsked: false, text: 'no' })
  })

  it('takes all of a body that was answered before its end, so that the connection can go on', async () => {
    api = (_req, res) => void res.writeHead(401).end('who are you')
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    for (let i = 0; i < 2; i++) {
      const req = http.request(`${base}/v1/functions`, { method: 'POST', agent })
      req.end(Buffer.alloc(3_000_000))
      const [res] = (await once(req, 'response')) as [IncomingMessage]
      expect(res.statusCode).to.equal(401)
      await res.toArray()
      await eventually(() => expect(req.writableFinished).to.equal(true))
    }
    agent.destroy()
  })

  it('has a socket where no other user can come', async () => {
    api = () => undefined
    const { stat } = await import('node:fs/promises')
    const { mode } = await stat(socket.path.replace(/\/api$/, ''))
    expect(mode & 0o777).to.equal(0o700)
  })
})
