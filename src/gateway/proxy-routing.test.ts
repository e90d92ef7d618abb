import http from 'node:http'
import net from 'node:net'
import { expect } from 'chai'
import { DataPlane, eventually, PATIENT } from '../../test/helpers/data-plane.ts'

describe('routing of calls', () => {
  let plane: DataPlane
  const planeWith = async (...args: ConstructorParameters<typeof DataPlane>) => {
    plane = await new DataPlane(...args).start()
    return plane
  }
  afterEach(() => plane.stop())

  it('sends a call with method, path, query and body to the function and gives its answer', async () => {
    await planeWith()
    plane.route(
      await plane.replica((req, res) => {
        req.setEncoding('utf8')
        let text = ''
        req.on('data', chunk => {
          text += chunk
        })
        req.on('end', () => res.writeHead(201, { 'X-Fn': 'yes' }).end(`${req.method} ${req.url} ${text}`))
      })
    )
    const answer = await plane.call({ method: 'PUT', path: '/a/b%2Fc?x=1&y=%20', body: 'hello' })
    expect(answer.status).to.equal(201)
    expect(answer.body).to.equal('PUT /a/b%2Fc?x=1&y=%20 hello')
    expect(answer.headers['x-fn']).to.equal('yes')
    expect(plane.finished).to.deep.equal([{ key: 'ns/fn', code: 201 }])
    expect(plane.inflight.total()).to.equal(0)
  })

  it('answers 404 and names the function when it is unknown, and counts nothing of it', async () => {
    await planeWith()
    plane.table.markComplete()
    const answer = await plane.call()
    expect(answer.status).to.equal(404)
    expect(answer.body).to.equal('function fn not found in namespace ns\n')
    expect(answer.headers['x-openfaas-internal']).to.equal('proxy')
    expect(plane.started).to.deep.equal([])
    expect(plane.finished).to.deep.equal([])
  })

  it('K2: refuses a call at once while the function cannot come up, and holds it when the loop looks again', async () => {
    await planeWith()
    plane.table.put({ key: 'ns/fn', uid: 'uid-1', replicas: 1, endpoints: [], trouble: 'ImageNotFound' })
    plane.table.markComplete()
    const answer = await plane.call()
    expect(answer.status).to.equal(503)
    expect(answer.body).to.equal('function ns/fn cannot serve now: ImageNotFound; its status says more\n')
    expect(answer.headers['retry-after']).to.equal('5')
    plane.pending.add('ns/fn')
    const held = plane.call()
    await eventually(() => plane.held === 1)
    plane.route(await plane.replica((_req, res) => res.end('up')))
    expect((await held).body).to.equal('up')
  })

  for (const [situation, arrange] of [
    ['the table is not complete', () => undefined],
    ['the function is pending', () => plane.table.markComplete()],
    [
      'it wants replicas and has none',
      () => plane.table.put({ key: 'ns/fn', uid: 'uid-1', replicas: 1, endpoints: [] })
    ]
  ] as const) {
    it(`holds a call while ${situation}, and sends it when an endpoint appears`, async () => {
      await planeWith()
      plane.pending.add('ns/fn')
      arrange()
      const port = await plane.replica((_req, res) => res.end('up'))
      const call = plane.call()
      await eventually(() => plane.held === 1)
      plane.route(port)
      expect(plane.held).to.equal(0)
      expect((await call).body).to.equal('up')
    })
  }

  it('answers 404 soon after the loop has looked and found no such function', async () => {
    await planeWith({ timeouts: { ...PATIENT, waitMs: 60_000 } })
    plane.pending.add('ns/fn')
    plane.table.markComplete()
    const call = plane.call()
    await eventually(() => plane.held === 1)
    plane.pending.clear()
    expect((await call).status).to.equal(404)
  })

  it('answers 404 to those who wait when the function is removed, though its key is running', async () => {
    await planeWith()
    plane.pending.add('ns/fn')
    plane.table.put({ key: 'ns/fn', uid: 'uid-1', replicas: 1, endpoints: [] })
    const call = plane.call()
    await eventually(() => plane.held === 1)
    plane.table.remove('ns/fn')
    expect((await call).status).to.equal(404)
  })

  it('answers 503 with Retry-After when nothing appears in time', async () => {
    await planeWith({ timeouts: { ...PATIENT, waitMs: 30 } })
    plane.table.put({ key: 'ns/fn', uid: 'uid-1', replicas: 1, endpoints: [] })
    const answer = await plane.call()
    expect(answer.status).to.equal(503)
    expect(answer.headers['retry-after']).to.equal('5')
    expect(answer.body).to.match(/no ready replica for 30 ms/)
  })

  it('answers 503 at once to those for whom there is no place, and a client that leaves frees its own', async () => {
    await planeWith({ waitMax: 2 })
    plane.table.put({ key: 'ns/fn', uid: 'uid-1', replicas: 1, endpoints: [] })
    const port = await plane.replica((_req, res) => res.end('up'))
    const first = plane.call()
    const leaver = http.get({ port: plane.port, host: '127.0.0.1', agent: false }).on('error', () => undefined)
    await eventually(() => plane.held === 2)
    const refused = await plane.call()
    expect(refused.status).to.equal(503)
    expect(refused.headers['retry-after']).to.equal('1')
    leaver.destroy()
    await eventually(() => plane.held === 1)
    const third = plane.call()
    await eventually(() => plane.held === 2)
    plane.route(port)
    expect([(await first).body, (await third).body]).to.deep.equal(['up', 'up'])
    expect(plane.finished.map(f => f.code).sort()).to.deep.equal([200, 200, 499, 503])
  })

  it('bounds those who wait for all functions together', async () => {
    await planeWith({ waitMax: 10, waitMaxTotal: 1 })
    plane.table.put({ key: 'ns/fn', uid: 'uid-1', replicas: 1, endpoints: [] })
    const first = plane.call()
    await eventually(() => plane.held === 1)
    expect((await plane.call()).status).to.equal(503)
    plane.table.remove('ns/fn')
    await first
  })

  it('wakes 200 who wait in the tick of the change and in their order', async () => {
    await planeWith()
    plane.table.put({ key: 'ns/fn', uid: 'uid-1', replicas: 1, endpoints: [] })
    const port = await plane.replica((_req, res) => res.end('up'))
    const sockets = []
    for (let n = 0; n < 200; n++) {
      const socket = net.connect(plane.port, '127.0.0.1')
      socket.write(`GET /${n} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
      sockets.push(
        new Promise<string>(resolve => {
          let text = ''
          socket.on('data', d => {
            text += d
          })
          socket.on('close', () => resolve(text))
        })
      )
      await eventually(() => plane.held === n + 1)
    }
    plane.route(port)
    expect(plane.held).to.equal(0)
    expect(plane.inflight.count(`c${port}`)).to.equal(200)
    const answers = await Promise.all(sockets)
    expect(answers.filter(a => a.startsWith('HTTP/1.1 200 ') && a.endsWith('up'))).to.have.length(200)
    expect(plane.inflight.total()).to.equal(0)
  })

  it('reads no byte of the body while it waits', async () => {
    await planeWith()
    plane.table.put({ key: 'ns/fn', uid: 'uid-1', replicas: 1, endpoints: [] })
    const port = await plane.replica((req, res) => {
      let size = 0
      req.on('data', d => {
        size += d.length
      })
      req.on('end', () => res.end(String(size)))
    })
    const body = Buffer.alloc(8 * 1024 * 1024)
    let taken = 0
    const req = http.request({
      port: plane.port,
      host: '127.0.0.1',
      method: 'POST',
      agent: false,
      headers: { 'content-length': body.length }
    })
    const answered = new Promise<http.IncomingMessage>(resolve => req.on('response', resolve))
    req.write(body)
    await eventually(() => plane.held === 1)
    plane.server.getConnections((_e, n) => {
      taken = n
    })
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(taken).to.equal(1)
    expect(req.socket?.bytesWritten, 'queued').to.be.greaterThan(0)
    expect(req.writableLength, 'still at the client').to.be.greaterThan(0)
    plane.route(port)
    req.end()
    const res = await answered
    let text = ''
    for await (const chunk of res) text += chunk
    expect(text).to.equal(String(body.length))
  })

  it('sheds load with 503 when all replicas have as many calls as they may', async () => {
    await planeWith({ maxPerEndpoint: 1 })
    const held: http.ServerResponse[] = []
    plane.route(await plane.replica((_req, res) => held.push(res)))
    const first = plane.call()
    await eventually(() => held.length === 1)
    const refused = await plane.call()
    expect([refused.status, refused.headers['retry-after']]).to.deep.equal([503, '1'])
    held[0]?.end('done')
    expect((await first).body).to.equal('done')
  })

  it('spreads calls over the replicas by what each has to do', async () => {
    await planeWith()
    const held: http.ServerResponse[] = []
    const slow = await plane.replica((_req, res) => held.push(res))
    const quick = await plane.replica((_req, res) => res.end('quick'))
    plane.route(slow, quick)
    const stuck = []
    while (held.length === 0)
      stuck.push(plane.call()) && (await eventually(() => held.length + plane.finished.length === stuck.length))
    for (let n = 0; n < 20; n++) expect((await plane.call()).body).to.equal('quick')
    held[0]?.end('slow')
    await Promise.all(stuck)
  })
})
