import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { rejects, watchInto } from '../../test/helpers/engine-contract-world.ts'
import { eventually } from '../../test/helpers/eventually.ts'
import { createDockerEngine, type DockerEngine, type DockerEngineOptions } from './docker.ts'
import type { PullProgress } from './engine.ts'

type Handler = (req: IncomingMessage, res: ServerResponse) => void

/** What no healthy engine does: these answers come from a socket of our own. */
describe('DockerEngine', () => {
  let folder: string
  let server: Server
  let handler: Handler
  let engine: DockerEngine
  let connections = 0
  const seen: string[] = []

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'engine-'))
    server = createServer((req, res) => {
      seen.push(`${req.method} ${req.url}`)
      handler(req, res)
    })
    server.on('connection', () => connections++)
    await new Promise<void>(resolve => server.listen(join(folder, 'sock'), resolve))
    connections = 0
    seen.length = 0
    start()
  })
  afterEach(async () => {
    await engine[Symbol.asyncDispose]()
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
    await rm(folder, { recursive: true })
  })

  function start(options: DockerEngineOptions = {}): void {
    engine = createDockerEngine({
      host: `unix://${join(folder, 'sock')}`,
      timeoutMs: 10_000,
      pullInactivityMs: 10_000,
      ...options
    })
  }
  const json =
    (value: unknown, status = 200): Handler =>
    (_, res) => {
      res.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value))
    }

  describe('D10: an engine', () => {
    const speaks = (version: string | undefined) => {
      handler = (_, res) => {
        if (version !== undefined) res.setHeader('Api-Version', version)
        res.end('OK')
      }
    }
    const ping = () =>
      engine.ping().then(
        () => 'fine',
        (err: Error) => err.message
      )

    it('that is too old is refused, with what to do about it, and gets no call', async () => {
      speaks('1.40')
      const message =
        'ping failed: the engine speaks API 1.40, and 1.41 (Docker 20.10) is the oldest that will do; ' +
        'upgrade it: https://docs.docker.com/engine/install/'
      expect(await ping()).to.equal(message)
      engine.noteBeat(await engine.ping().catch((err: unknown) => err))
      const refusal = await engine.listNetworks().catch((err: Error) => err.message)
      expect(refusal).to.equal(`network list was not sent: engine is away: ${message}`)
      expect(seen).to.deep.equal(['GET /_ping', 'GET /_ping'])
    })

    it('is talked to in its own version, however new, or when it does not say', async () => {
      for (const version of ['1.41', '1.43', '1.99', '2.0', undefined]) {
        speaks(version)
        expect(await ping()).to.equal('fine')
      }
      handler = json([])
      await engine.listNetworks()
      expect(seen.at(-1)).to.equal('GET /networks')
    })
  })

  describe('addresses', () => {
    for (const host of ['', 'ssh://me@host', 'tcp://', 'npipe:////./pipe/docker_engine', '/var/run/docker.sock']) {
      it(`refuses ${host === '' ? 'an empty one' : host}`, () => {
        expect(() => createDockerEngine({ host })).to.throw('neither unix:///path nor tcp://host:port')
      })
    }

    it('takes tcp, and is not led astray by the environment', async () => {
      const tcp = createServer(json([])).listen(0, '127.0.0.1')
      await new Promise(resolve => tcp.once('listening', resolve))
      const before = process.env['DOCKER_HOST']
      process.env['DOCKER_HOST'] = 'tcp://127.0.0.1:1'
      try {
        const { port } = tcp.address() as AddressInfo
        const overTcp = createDockerEngine({ host: `tcp://127.0.0.1:${port}` })
        expect(await overTcp.listNetworks()).to.deep.equal([])
        await overTcp[Symbol.asyncDispose]()
        handler = json([])
        start()
        expect(await engine.listNetworks()).to.deep.equal([])
      } finally {
        if (before === undefined) delete process.env['DOCKER_HOST']
        else process.env['DOCKER_HOST'] = before
        tcp.close()
      }
    })

    it('S13: asks without an API version', async () => {
      handler = json({ message: 'no such container' }, 404)
      expect(await engine.inspectContainer('other')).to.equal(undefined)
      expect(seen).to.deep.equal(['GET /containers/other/json'])
    })

    it('S13: sends nothing with a name that would leave its place in the path', async () => {
      await rejects('other', engine.inspectContainer('../networks?x'))
      expect(seen).to.deep.equal([])
    })

    it('S26: keeps the environment of a container out of the URL', async () => {
      handler = (req, res) => {
        const network = { Id: 'of-n', Name: 'n', Created: '2026-01-01T00:00:00Z', Labels: {}, IPAM: { Config: [] } }
        return req.method === 'GET' ? json([network])(req, res) : json({ Id: 'new' }, 201)(req, res)
      }
      const spec = { name: 'c', image: 'i', labels: {}, env: { TOKEN: 'hunter2' }, network: 'n', memoryBytes: 0 }
      const limits = { memoryReservationBytes: 0, nanoCpus: 0, cpuShares: 0, pidsLimit: 1, logMaxBytes: 1 }
      const id = await engine.createContainer({
        ...spec,
        ...limits,
        readOnlyRootFilesystem: true,
        tmpfs: {},
        ports: []
      })
      expect(id).to.equal('new')
      expect(seen).to.deep.equal([
        `GET /networks?filters=${encodeURIComponent('{"name":["n"]}')}`,
        'POST /containers/create?name=c'
      ])
    })
  })

  describe('connections', () => {
    it('are used again', async () => {
      handler = json([])
      for (let n = 0; n < 5; n++) await engine.listNetworks()
      expect(connections).to.equal(1)
    })

    it('D1: that the engine closed in its restart do not fail what only reads', async () => {
      handler = json([])
      await engine.listNetworks()
      const closed = new Promise(resolve => server.once('request', req => req.socket.once('close', resolve)))
      await engine.listNetworks()
      server.closeAllConnections()
      await closed
      await engine.listNetworks()
      expect(connections).to.equal(2)
    })

    it('D6: that break before the answer fail what changes something, which is not sent again', async () => {
      handler = req => void req.socket.destroy()
      await rejects('unavailable', engine.startContainer('c'))
      expect(seen).to.deep.equal(['POST /containers/c/start'])
      await rejects('unavailable', engine.listNetworks())
      expect(seen).to.have.length(3)
    })

    it('are bounded, and a call that waits for one can be aborted', async () => {
      handler = () => undefined
      const stopping = new AbortController()
      const calls = Array.from({ length: 50 }, () => rejects('aborted', engine.listNetworks(stopping.signal)))
      await eventually(() => expect(connections).to.equal(32))
      stopping.abort()
      await Promise.all(calls)
    })

    it('D4: that are refused are unavailable', async () => {
      const nowhere = createDockerEngine({ host: `unix://${join(folder, 'nothing')}` })
      await rejects('unavailable', nowhere.listNetworks())
      await rejects('unavailable', watchInto(nowhere.watch(new AbortController().signal)).ended)
      await rejects(
        'unavailable',
        nowhere.pullImage('x', () => undefined)
      )
    })
  })

  describe('an engine that hangs', () => {
    const nothing: Handler = () => undefined
    const headersOnly: Handler = (_, res) => res.writeHead(200).flushHeaders()
    const errorHeadersOnly: Handler = (_, res) => res.writeHead(500).flushHeaders()
    for (const [when, hang] of Object.entries({ nothing, headersOnly, errorHeadersOnly })) {
      it(`D3: times out, every call of it (${when})`, async () => {
        start({ timeoutMs: 100, pullInactivityMs: 100 })
        handler = hang
        await rejects('timeout', engine.listContainers({}))
        await rejects('timeout', engine.inspectNetwork('x'))
        await rejects('timeout', engine.inspectImage('x'))
        await rejects('timeout', engine.tailLogs('x', 1))
        await rejects(
          'timeout',
          engine.pullImage('x', () => undefined)
        )
        if (hang !== headersOnly) await rejects('timeout', watchInto(engine.watch(new AbortController().signal)).ended)
      })

      it(`is left at once when the caller aborts (${when})`, async () => {
        handler = hang
        const signal = AbortSignal.timeout(50)
        await rejects('aborted', engine.inspectImage('x', signal))
        await rejects(
          'aborted',
          engine.pullImage('x', () => undefined, AbortSignal.timeout(50))
        )
        const watching = watchInto(engine.watch(AbortSignal.timeout(50)))
        await watching.ended
      })
    }
  })

  describe('an answer that breaks', () => {
    it('D7: is unavailable at once, not after the deadline', async () => {
      handler = (_, res) => {
        res.writeHead(200, { 'Content-Length': 100 }).write('[{"Id":')
        setTimeout(() => res.socket?.destroy(), 20)
      }
      const started = performance.now()
      await rejects('unavailable', engine.listNetworks())
      await rejects('unavailable', engine.tailLogs('x', 1))
      await rejects(
        'unavailable',
        engine.pullImage('x', () => undefined)
      )
      expect(performance.now() - started).to.be.below(2000)
    })

    it('D7: is unavailable when it is no JSON', async () => {
      handler = (_, res) => res.end('<html>')
      await rejects('unavailable', engine.listNetworks())
    })
  })

  describe('watch', () => {
    const line = (action: string) =>
      `${JSON.stringify({ Type: 'container', Action: action, Actor: { ID: 'c', Attributes: { a: 'ü' } } })}\n`

    it('takes events that span chunks and chunks that hold many, and leaves other kinds out', async () => {
      const bytes = Buffer.from(
        `${line('create')}{"Type":"daemon","Action":"reload"}\n\n${line('start')}${line('die')}`
      )
      handler = async (_, res) => {
        for (let n = 0; n < bytes.length; n += 7) {
          res.write(bytes.subarray(n, n + 7))
          await new Promise(resolve => setImmediate(resolve))
        }
        res.end()
      }
      const { events, ended } = watchInto(engine.watch(new AbortController().signal))
      await rejects('unavailable', ended) // an engine that goes ends the stream as if all were well
      expect(events.map(e => (e.kind === 'container' ? e.action : e.kind))).to.deep.equal([
        ...['connected', 'create', 'start', 'die']
      ])
      expect(events[1]).to.deep.include({ id: 'c', labels: { a: 'ü' } })
    })

    it('stays while nothing happens, longer than any deadline, and breaks with the connection', async () => {
      start({ timeoutMs: 500, pullInactivityMs: 500 })
      let socket: ServerResponse['socket'] = null
      handler = (_, res) => {
        res.writeHead(200).flushHeaders()
        socket = res.socket
      }
      const { events, ended } = watchInto(engine.watch(new AbortController().signal))
      let isOver = false
      ended.catch(() => undefined).finally(() => (isOver = true))
      await new Promise(resolve => setTimeout(resolve, 700))
      expect({ isOver, events }).to.deep.equal({ isOver: false, events: [{ kind: 'connected' }] })
      ;(socket as ServerResponse['socket'])?.destroy()
      await rejects('unavailable', ended)
    })

    it('is told of by what it asks for: no health checks of others', async () => {
      handler = (_, res) => res.end()
      await watchInto(engine.watch(new AbortController().signal)).ended.catch(() => undefined)
      const filters = JSON.parse(new URL(seen[0]?.slice(4) ?? '', 'http://x').searchParams.get('filters') ?? '')
      expect(filters.type).to.deep.equal(['container', 'network', 'image'])
      expect(filters.event).to.include('die').and.not.include('exec_create')
    })
  })

  describe('pullImage', () => {
    const messages =
      (...lines: object[]): Handler =>
      (_, res) =>
        res.end(lines.map(l => `${JSON.stringify(l)}\r\n`).join(''))

    it('asks for one tag, with the credentials of the registry, and sums the layers up', async () => {
      let header: string | undefined
      const progress: PullProgress[] = []
      const credentials = { serveraddress: 'r.io', username: 'me', password: 'ü>?' }
      start({ registryAuth: { forImage: async reference => (reference === 'r.io/x' ? credentials : undefined) } })
      handler = (req, res) => {
        header = req.headers['x-registry-auth'] as string
        const layer = (id: string, current: number) => ({
          id,
          status: 'Downloading',
          progressDetail: { current, total: 10 }
        })
        const done = { id: 'a', status: 'Download complete', progressDetail: {} }
        messages({ status: 'Pulling from x', id: 'latest' }, layer('a', 4), layer('b', 2), done)(req, res)
      }
      await engine.pullImage('r.io/x', p => progress.push(p))
      expect(seen).to.deep.equal(['POST /images/create?fromImage=r.io%2Fx&tag=latest'])
      expect(JSON.parse(Buffer.from(header ?? '', 'base64url').toString())).to.deep.equal(credentials)
      expect(progress.at(-2)).to.deep.equal({ currentBytes: 6, totalBytes: 20 })
      expect(progress.at(-1)).to.deep.equal({ currentBytes: 12, totalBytes: 20 })
    })

    it('G1 G2: takes an error inside the progress for what it means', async () => {
      handler = messages({ status: 'Pulling' }, { error: 'x', errorDetail: { message: 'manifest unknown' } })
      await rejects(
        'no-image',
        engine.pullImage('r.io/x:2', () => undefined)
      )
      handler = messages({ error: 'unauthorized: authentication required' })
      await rejects(
        'unauthorized',
        engine.pullImage('r.io/x:2', () => undefined)
      )
    })

    it('G4: lasts as long as something comes, and times out when nothing does', async () => {
      start({ pullInactivityMs: 1000 })
      const tick = (res: ServerResponse) =>
        res.write('{"status":"Downloading","id":"a","progressDetail":{"current":1}}\n')
      handler = async (_, res) => {
        for (let n = 0; n < 12; n++) {
          tick(res)
          await new Promise(resolve => setTimeout(resolve, 100))
        }
        res.end()
      }
      await engine.pullImage('x', () => undefined)
      handler = (_, res) => void tick(res)
      await rejects(
        'timeout',
        engine.pullImage('x', () => undefined)
      )
    })

    it('does not ask for what is no image reference', async () => {
      await rejects(
        'no-image',
        engine.pullImage('http://r.io/x', () => undefined)
      )
      expect(seen).to.deep.equal([])
    })
  })

  it('tells of each call, its fault and its seconds', async () => {
    const calls: string[] = []
    start({
      observe: (operation, fault, seconds) => calls.push(`${operation} ${fault} ${seconds > 0 && seconds < 10}`)
    })
    handler = json([])
    await engine.listNetworks()
    handler = json({ message: 'boom' }, 500)
    await rejects('other', engine.startContainer('c'))
    handler = json({ message: 'no such container' }, 404)
    await engine.removeContainer('c')
    expect(calls).to.deep.equal([
      'network_list none true',
      'container_start other true',
      'container_remove not-found true'
    ])
  })
})
