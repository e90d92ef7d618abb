import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { createInterface } from 'node:readline'
import { expect } from 'chai'
import type { LogMessage } from '../../api/log-line.ts'
import { eventually } from '../helpers/eventually.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { PASSWORD } from '../helpers/gateway-client.ts'
import { testkitImage } from '../helpers/images.ts'

interface Reader {
  readonly lines: LogMessage[]
  readonly res: IncomingMessage
  readonly req: ClientRequest
  /** Whether the answer has ended. */
  readonly ended: () => boolean
}

const textsOf = ({ lines }: Pick<Reader, 'lines'>, instance?: string) =>
  lines.filter(line => instance === undefined || line.instance === instance).map(({ text }) => text)

function onLine(res: IncomingMessage, take: (line: LogMessage) => void): void {
  // That the reader left is what the tests do.
  createInterface(res)
    .on('line', line => take(JSON.parse(line)))
    .on('error', () => undefined)
}

// Behind a worker, as users have it: what it relays streams both ways.
describe('logs of functions on a real engine, through a worker', function () {
  this.timeout(90_000)
  let gateway: TestGateway
  let image: string
  const readers: Reader[] = []

  before(async () => {
    image = await testkitImage()
    gateway = await TestGateway.start({ GATEWAY_WORKERS: '1' })
    await gateway.apply('talker', { image, replicas: 2, env: { VERSION: '1' } })
    await gateway.converged('talker')
  })
  afterEach(() => {
    for (const { req } of readers.splice(0)) req.destroy()
  })
  after(() => gateway.close())

  function open(query: string): Promise<{ req: ClientRequest; res: IncomingMessage }> {
    const path = `/system/logs?name=talker&${query}`
    return new Promise((resolve, reject) => {
      const req = request({ host: '127.0.0.1', port: gateway.port, path, auth: `admin:${PASSWORD}`, agent: false })
      req.on('response', res => resolve({ req, res }))
      req.on('error', reject)
      req.end()
    })
  }

  /** Reads as faas-cli does. */
  async function read(query: string): Promise<Reader> {
    const { req, res } = await open(query)
    expect(res.statusCode).to.equal(200)
    const lines: LogMessage[] = []
    let isEnded = false
    res.on('close', () => (isEnded = true))
    onLine(res, line => lines.push(line))
    const reader = { lines, req, res, ended: () => isEnded }
    readers.push(reader)
    return reader
  }

  const readAll = async (query: string) => {
    const reader = await read(query)
    await eventually(() => expect(reader.ended()).to.equal(true))
    return reader
  }

  const idOf = async (name: string) => (await gateway.docker.getContainer(name).inspect()).Id
  const metric = async (name: string) =>
    Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(await gateway.metrics())?.[1] ?? Number.NaN)

  it('gives the lines of both replicas by time', async () => {
    const reader = await readAll('follow=false&tail=-1')
    expect(reader.res.headers['content-type']).to.equal('application/x-ndjson')
    for (const instance of ['talker-0', 'talker-1'])
      expect(textsOf(reader, instance)).to.deep.equal(['testkit starts, version 1', 'testkit listens'])
    const times = reader.lines.map(({ timestamp }) => timestamp)
    expect(times).to.deep.equal(times.toSorted())
    expect(times[0]).to.match(/\.\d{9}Z$/)
    expect(textsOf(await readAll('tail=1&instance=talker-1'))).to.deep.equal(['testkit listens'])
    expect(textsOf(await readAll(`since=${times[3]}`))).to.deep.equal([reader.lines[3]?.text])
  })

  it('follows a rollout, from the last words of the old replicas to the first of the new ones', async () => {
    const reader = await read('follow=true&tail=1')
    await eventually(() => expect(reader.lines).to.have.length(2))
    await gateway.apply('talker', { image, replicas: 2, env: { VERSION: '2' } })
    await gateway.converged('talker')
    const count = (text: string) => textsOf(reader).filter(line => line === text).length
    await eventually(() => {
      expect(count('testkit starts, version 2')).to.equal(2)
      expect(count('testkit exits with 0')).to.equal(2)
    })
    expect(count('testkit got SIGTERM')).to.equal(2)
    expect(count('testkit listens')).to.equal(4)
    expect(textsOf(reader, 'talker-0').slice(-2)).to.deep.equal(['testkit starts, version 2', 'testkit listens'])
  })

  it('keeps the last words of the old replicas, though Docker has forgotten them, also after a restart', async () => {
    const last = async () => textsOf(await readAll('tail=1')).filter(text => text === 'testkit exits with 0')
    await eventually(async () => expect(await last()).to.have.length(2))
    await gateway.stop()
    await gateway.start({ GATEWAY_WORKERS: '1' })
    await gateway.converged('talker')
    expect(await last()).to.have.length(2)
  })

  it('follows a crash, and keeps what was written before it', async () => {
    await gateway.scale('talker', 1)
    await gateway.converged('talker')
    const crashed = await idOf('talker-0')
    const reader = await read('follow=true&since=1ms')
    await gateway.call('GET', '/function/talker/say?text=about+to+crash')
    // A GET would be sent again, to the successor.
    await gateway.call('POST', '/function/talker/exit?code=7')
    await eventually(async () => expect(await idOf('talker-0')).to.not.equal(crashed), { timeoutMs: 20_000 })
    await eventually(() => expect(textsOf(reader)).to.include('testkit listens'), { timeoutMs: 20_000 })
    const texts = textsOf(reader)
    const story = ['about to crash', 'testkit exits with 7', 'testkit starts, version 2', 'testkit listens']
    expect(texts.slice(texts.indexOf('about to crash'))).to.deep.equal(story)
    await gateway.converged('talker')
    expect(textsOf(await readAll('tail=10'))).to.include.members(['about to crash', 'testkit exits with 7'])
  })

  it('holds up the reading for a client that does not read, and goes on when it does', async () => {
    const lines = 40_000
    const text = 'x'.repeat(1000)
    const { res, req } = await open('follow=true&since=1ms')
    res.pause()
    const before = process.memoryUsage().rss
    const sent = await metric('faas_log_lines_sent_total')
    const said = await gateway.call('GET', `/function/talker/say?text=${text}&lines=${lines}`)
    expect(said.status).to.equal(200)
    // Log files are turned over at LOG_MAX_BYTES, twice as much is kept: of 40 MB most is gone for whoever begins to read later.
    expect(process.memoryUsage().rss - before).to.be.below(64 * 2 ** 20)
    expect((await metric('faas_log_lines_sent_total')) - sent).to.be.below(lines / 2)
    let last = ''
    onLine(res, line => (last = line.text))
    await eventually(() => expect(last).to.equal(`${text} ${lines - 1}`), { timeoutMs: 30_000 })
    const left = once(req, 'close')
    req.destroy()
    await left
  })

  it('lets go of the engine when the reader leaves', async () => {
    await eventually(async () => expect(await metric('faas_log_readers')).to.equal(0))
    const reader = await read('follow=true')
    await eventually(async () => expect(await metric('faas_log_readers')).to.equal(1))
    reader.req.destroy()
    await eventually(async () => expect(await metric('faas_log_readers')).to.equal(0))
  })

  it('ends when the function is deleted, with its last words', async () => {
    const reader = await read('follow=true&tail=1')
    await gateway.call('DELETE', '/v1/functions/talker')
    await eventually(() => expect(reader.ended()).to.equal(true), { timeoutMs: 20_000 })
    expect(textsOf(reader).at(-1)).to.equal('testkit exits with 0')
    expect(reader.res.complete).to.equal(true)
  })
})
