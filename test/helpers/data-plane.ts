import { once } from 'node:events'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { systemClock } from '../../src/clock.ts'
import { type Endpoint, EndpointTable } from '../../src/gateway/endpoints.ts'
import { Inflight } from '../../src/gateway/inflight.ts'
import { createProxy, type InvocationProxy } from '../../src/gateway/proxy.ts'
import type { ProxyDeps, ProxyTarget } from '../../src/gateway/proxy-deps.ts'
import { Handover, protocolsOf } from '../../src/http/upgrade.ts'
import { freePort } from './free-port.ts'

/** What a client got, byte for byte where it matters. */
export interface Answer {
  readonly status: number
  readonly statusMessage: string
  readonly headers: http.IncomingHttpHeaders
  readonly rawHeaders: string[]
  readonly rawTrailers: string[]
  readonly body: string
}

export interface CallOptions {
  readonly method?: string
  readonly path?: string
  readonly headers?: http.OutgoingHttpHeaders | string[]
  readonly body?: string | Buffer
  readonly agent?: http.Agent
}

/** Times in which nothing ends for the load of the machine; a test of a time sets that one. */
export const PATIENT: ProxyDeps['timeouts'] = { execMs: 20_000, connectMs: 5_000, waitMs: 20_000, readMs: 20_000 }

/** A proxy behind a node:http server, with what it was told and what it said. */
export class DataPlane {
  readonly table = new EndpointTable()
  readonly inflight = new Inflight()
  readonly pending = new Set<string>()
  readonly unreachable: string[] = []
  readonly started: string[] = []
  readonly finished: { key: string; code: number }[] = []
  readonly warnings: { fields: object; message: string }[] = []
  readonly #closers: (() => unknown)[] = []
  readonly shed: string[] = []
  readonly timedOut: string[] = []
  /** How many calls wait now. */
  held = 0
  /** Keys of the calls that had to wait. */
  readonly waited: string[] = []
  /** Keys that were asked to be woken. */
  readonly woken: string[] = []
  retried = 0
  readonly proxy: InvocationProxy
  readonly server: http.Server

  constructor(overrides: Partial<ProxyDeps> = {}) {
    this.proxy = createProxy({
      table: this.table,
      inflight: this.inflight,
      isPending: key => this.pending.has(key),
      log: { warn: (fields, message) => this.warnings.push({ fields, message }) },
      metrics: {
        started: key => this.started.push(key),
        finished: (key, code) => this.finished.push({ key, code }),
        waiting: count => {
          this.held = count
        },
        held: key => this.waited.push(key),
        retried: () => {
          this.retried++
        },
        shed: (key, reason) => this.shed.push(`${key} ${reason}`),
        timedOut: (key, kind) => this.timedOut.push(`${key} ${kind}`)
      },
      timeouts: PATIENT,
      maxBodyBytes: 0,
      waitMax: 1_000,
      onWake: key => this.woken.push(key),
      onUnreachable: (key, containerId) => {
        this.unreachable.push(`${key} ${containerId}`)
        this.table.drop(key, containerId)
      },
      clock: systemClock,
      random: Math.random,
      ...overrides
    })
    const handle = (owesContinue: boolean) => (req: IncomingMessage, res: ServerResponse) => {
      this.proxy.handle(req, res, { ...targetOf(req), owesContinue })
    }
    const shouldUpgradeCallback = (req: IncomingMessage) => protocolsOf(req) !== undefined
    this.server = http.createServer({ shouldUpgradeCallback }, handle(false)).on('checkContinue', handle(true))
    this.server.on('upgrade', (req, socket, head) => {
      const upgrade = new Handover(req, socket, head)
      this.proxy.handle(req, upgrade.res, { ...targetOf(req), upgrade })
    })
  }

  async start(): Promise<this> {
    await listen(this.server)
    return this
  }

  get port(): number {
    return portOf(this.server)
  }

  /** Routes ns/fn to these ports; the container of a port is `c<port>`. */
  route(...ports: number[]): void {
    this.table.put({
      key: 'ns/fn',
      uid: 'uid-1',
      replicas: Math.max(1, ports.length),
      endpoints: ports.map(endpointOf)
    })
    this.table.markComplete()
  }

  /** An HTTP replica; gives its port. */
  async replica(listener: http.RequestListener, options: http.ServerOptions = {}): Promise<number> {
    const server = http.createServer(options, listener)
    this.#closers.push(() => server.close().closeAllConnections())
    return await listen(server)
  }

  /** A replica of raw sockets; gives its port. */
  async rawReplica(onSocket: (socket: net.Socket) => void): Promise<number> {
    const sockets = new Set<net.Socket>()
    const server = net.createServer(socket => {
      sockets.add(socket)
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
      onSocket(socket)
    })
    this.#closers.push(() => {
      server.close()
      for (const socket of sockets) socket.destroy()
    })
    return await listen(server)
  }

  /** A call through the proxy; rejects when the answer is cut off. */
  async call({ method = 'GET', path = '/', headers = {}, body, agent }: CallOptions = {}): Promise<Answer> {
    const options = { port: this.port, host: '127.0.0.1', method, path, headers, agent: agent ?? false }
    const req = http.request(options as http.RequestOptions)
    req.end(body)
    const [res] = (await once(req, 'response')) as [IncomingMessage]
    const chunks: Buffer[] = []
    for await (const chunk of res) chunks.push(chunk as Buffer)
    return {
      status: res.statusCode ?? 0,
      statusMessage: res.statusMessage ?? '',
      headers: res.headers,
      rawHeaders: res.rawHeaders,
      rawTrailers: res.rawTrailers,
      body: Buffer.concat(chunks).toString()
    }
  }

  /** Sends bytes and gives all that came until the connection ended. */
  async raw(bytes: string): Promise<string> {
    const socket = net.connect(this.port, '127.0.0.1')
    socket.write(bytes, 'latin1')
    let text = ''
    socket.on('data', chunk => {
      text += chunk.toString('latin1')
    })
    socket.on('error', error => {
      text += `[${'code' in error ? String(error.code) : error.message}]`
    })
    await new Promise(resolve => socket.once('close', resolve))
    return text
  }

  async stop(): Promise<void> {
    await this.proxy.close(0)
    this.server.close().closeAllConnections()
    for (const close of this.#closers) close()
  }
}

/** A port on which nothing listens. */
export const closedPort = freePort

/** Calls of ns/fn; `X-Test-Token` says of which token one is. */
function targetOf({ url = '/', headers }: IncomingMessage): ProxyTarget {
  return { namespace: 'ns', name: 'fn', path: url, tokenId: headers['x-test-token']?.toString() }
}

/** The endpoint of a port on this machine. */
export function endpointOf(port: number): Endpoint {
  return { containerId: `c${port}`, host: '127.0.0.1', port }
}

/** Waits until the condition holds; fails after twenty seconds. */
export async function eventually(condition: () => boolean, what = condition.toString()): Promise<void> {
  const deadline = performance.now() + 20_000
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`never came true: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 2))
  }
}

/** The body of a request, whole. */
export async function textOf(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

/** A function that answers `ok` and the body it was sent. */
export const answerOk: http.RequestListener = async (req, res) => {
  const text = await textOf(req)
  res.end(`ok ${text}`)
}

async function listen(server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return portOf(server)
}

function portOf(server: net.Server): number {
  return (server.address() as AddressInfo).port
}
