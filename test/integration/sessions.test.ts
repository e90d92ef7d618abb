import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { expect } from 'chai'
import { eventually } from '../helpers/eventually.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { PASSWORD } from '../helpers/gateway-client.ts'
import { testkitImage } from '../helpers/images.ts'

const AUTHORIZATION = `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`
/** Several calls of every kind fall into it, and sessions are seen to outlive the endpoint of their replica. */
const DRAIN_MS = 3000

/** A WebSocket of Node to a function that says everything back. */
class Chat {
  readonly #socket: WebSocket
  readonly said: string[] = []
  code: number | undefined

  constructor(port: number, name: string) {
    this.#socket = new WebSocket(`ws://127.0.0.1:${port}/function/${name}/chat`, {
      headers: { authorization: AUTHORIZATION }
    })
    this.#socket.addEventListener('message', ({ data }) => this.said.push(String(data)))
    this.#socket.addEventListener('close', ({ code }) => {
      this.code = code
    })
  }

  static async open(port: number, name: string): Promise<Chat> {
    const chat = new Chat(port, name)
    await eventually(() => expect(chat.said).to.have.length(1))
    return chat
  }

  /** What the function said of itself when it was opened. */
  get version(): string {
    return JSON.parse(this.said[0] ?? '{}').env
  }

  async echo(text: string): Promise<void> {
    this.#socket.send(text)
    await eventually(() => expect(this.said).to.include(text), { intervalMs: 5 })
  }

  close(): void {
    this.#socket.close()
  }

  async closed(timeoutMs = 20_000): Promise<number | undefined> {
    await eventually(() => expect(this.code).to.be.a('number'), { timeoutMs, intervalMs: 20 })
    return this.code
  }
}

describe('sessions and streams while replicas come and go', function () {
  this.timeout(90_000)
  let gateway: TestGateway
  let image: string

  before(async () => {
    image = await testkitImage()
    gateway = await TestGateway.start({ DRAIN_TIMEOUT: `${DRAIN_MS}ms`, STOP_GRACE: '1s' })
  })
  after(() => gateway.close())

  /** How a stream of events without an end ends. */
  async function endless(name: string): Promise<{ events: () => number; how: () => string }> {
    const headers = { authorization: AUTHORIZATION }
    const path = `/function/${name}/stream?chunks=100000&intervalMs=50`
    const [res] = (await once(
      get({ port: gateway.port, host: '127.0.0.1', path, headers, agent: false }),
      'response'
    )) as [IncomingMessage]
    let events = 0
    let how = 'open'
    res.on('data', () => events++)
    res.on('end', () => {
      how = 'as if it were whole'
    })
    res.on('error', (err: NodeJS.ErrnoException) => {
      how = err.code ?? err.message
    })
    await eventually(() => expect(events).to.be.greaterThan(0))
    return { events: () => events, how: () => how }
  }

  it('X5, X10: a rolling update under constant load, with WebSockets, streams and long calls open, fails nothing', async () => {
    await gateway.apply('busy', { image, replicas: 2, env: { VERSION: '1' } })
    await gateway.converged('busy')
    const chats = await Promise.all(Array.from({ length: 4 }, () => Chat.open(gateway.port, 'busy')))
    expect(chats.map(chat => chat.version)).to.deep.equal(['1', '1', '1', '1'])
    const stream = await endless('busy')
    let isCalling = true
    const outcomes: Record<string, string[]> = { short: [], long: [], stream: [], upload: [] }
    const statusOf = async (method: string, path: string, body?: string) =>
      String((await gateway.call(method, `/function/busy${path}`, body)).status)
    const again = async (kind: string, call: () => Promise<string>) => {
      while (isCalling) outcomes[kind]?.push(await call().catch((err: NodeJS.ErrnoException) => String(err.code)))
    }
    const callers = [
      ...[1, 2, 3].map(() => again('short', () => statusOf('GET', '/'))),
      ...[1, 2, 3].map(() => again('long', () => statusOf('POST', '/?delayMs=1000', 'work'))),
      ...[1, 2].map(() => again('upload', () => statusOf('POST', '/', 'x'.repeat(200_000)))),
      ...[1, 2].map(() =>
        again('stream', async () => {
          const { status, text } = await gateway.call('GET', '/function/busy/stream?chunks=10&intervalMs=100')
          return status === 200 && text.endsWith('data: 9\n\n') ? '200' : `${status} ${text}`
        })
      )
    ]
    await gateway.apply('busy', { image, replicas: 2, env: { VERSION: '2' } })
    await eventually(async () => {
      const { text } = await gateway.call('GET', '/function/busy')
      expect(JSON.parse(text).env).to.equal('2')
    })
    // Calls go to the new revision already, and sessions go on where they are.
    const newcomer = await eventually(async () => {
      const chat = await Chat.open(gateway.port, 'busy')
      if (chat.version !== '2') chat.close()
      expect(chat.version).to.equal('2')
      return chat
    })
    const open = chats.filter(({ code }) => code === undefined)
    expect(open.length, 'sessions that have outlived the endpoint of their replica').to.be.greaterThan(0)
    await Promise.all(open.map(chat => chat.echo('still here')))
    for (const chat of chats) expect(await chat.closed()).to.equal(1012)
    await gateway.converged('busy', 60_000)
    await eventually(() => expect(stream.how()).not.to.equal('open'))
    expect(stream.how(), 'a stream that was cut off does not look whole').to.equal('ECONNRESET')
    isCalling = false
    await Promise.all(callers)
    const failed = Object.entries(outcomes).flatMap(([kind, list]) =>
      list.filter(outcome => outcome !== '200').map(outcome => `${kind} ${outcome}`)
    )
    expect(failed).to.deep.equal([])
    for (const [kind, list] of Object.entries(outcomes)) expect(list.length, kind).to.be.greaterThan(1)
    const back = await Chat.open(gateway.port, 'busy')
    expect(back.version, 'whoever connects again').to.equal('2')
    await newcomer.echo('open all along')
    newcomer.close()
    back.close()
    expect(await newcomer.closed()).to.be.oneOf([1000, 1005])
    await eventually(async () => {
      const metrics = await gateway.metrics()
      expect(metrics).to.match(
        /^gateway_function_invocation_total\{function_name="busy\.openfaas-fn",code="101"\} [6-9]/m
      )
    })
  })

  it('X5, X11: a session wakes its function, is closed with 1011 when its replica is killed, and with 1001 when the gateway stops', async () => {
    await gateway.apply('killed', { image, replicas: 1 })
    await gateway.converged('killed')
    await gateway.scale('killed', 0)
    await gateway.converged('killed')
    const first = await Chat.open(gateway.port, 'killed')
    await gateway.docker.getContainer('killed-0').kill()
    expect(await first.closed(DRAIN_MS)).to.equal(1011)
    await gateway.converged('killed')
    const second = await Chat.open(gateway.port, 'killed')
    await second.echo('here')
    const asked = performance.now()
    await gateway.stop()
    expect(await second.closed()).to.equal(1001)
    // It waits for nobody who has no end: SHUTDOWN_GRACE is 30 s.
    expect(performance.now() - asked).to.be.below(15_000)
  })
})
