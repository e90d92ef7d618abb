import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse
} from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LABEL } from '../../api/labels.ts'
import { toCreateBody } from '../../src/engine/docker-create.ts'
import { SocketProxy } from '../../src/socket-proxy/socket-proxy.ts'
import { BARE_SPEC } from './builders.ts'

export const OURS = { [LABEL.instance]: 'ours' }

export interface Sent {
  readonly status: number
  readonly text: string
}

/** A socket proxy before an engine that is a server of its own: it knows a container, a network and a volume `mine` and one `theirs` each. */
export class ProxiedEngine {
  /** What got through, without what the proxy looks up by itself. */
  readonly seen: { readonly call: string; readonly body: string; readonly headers: IncomingHttpHeaders }[] = []
  /** Fields of what the proxy warned of. */
  readonly warnings: object[] = []
  /** Answers in the engine's place, when it says true. */
  handler: (req: IncomingMessage, res: ServerResponse) => boolean = () => false
  readonly proxy: SocketProxy
  readonly #folder: string
  readonly #engine: Server

  private constructor(folder: string) {
    this.#folder = folder
    this.#engine = createServer((req, res) => void this.#answer(req, res))
    this.proxy = this.anotherProxy()
  }

  static async start(): Promise<ProxiedEngine> {
    const engine = new ProxiedEngine(await mkdtemp(join(tmpdir(), 'socket-proxy-')))
    engine.#engine.listen(join(engine.#folder, 'engine'))
    await once(engine.#engine, 'listening')
    await engine.proxy.listen(engine.address)
    return engine
  }

  get address(): { socketPath: string } {
    return { socketPath: join(this.#folder, 'proxy') }
  }

  anotherProxy(): SocketProxy {
    const log = { info: () => undefined, warn: (fields: object) => void this.warnings.push(fields) }
    const engine = { socketPath: join(this.#folder, 'engine') }
    return new SocketProxy({ engine, instance: 'ours', log: log as never })
  }

  get calls(): string[] {
    return this.seen.map(({ call }) => call)
  }

  /** One call through the proxy; a body that is no string is sent as JSON. */
  send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Sent> {
    return new Promise((resolve, reject) => {
      const req = request({ ...this.address, method, path, headers, agent: false }, res => {
        let text = ''
        res.setEncoding('utf8').on('data', chunk => {
          text += chunk
        })
        res.on('error', reject).on('end', () => resolve({ status: res.statusCode ?? 0, text }))
      })
      req.on('error', reject)
      req.end(typeof body === 'object' ? JSON.stringify(body) : body)
    })
  }

  /** The engine alone. */
  async stopEngine(): Promise<void> {
    if (!this.#engine.listening) return
    const closed = once(this.#engine, 'close')
    this.#engine.close()
    this.#engine.closeAllConnections()
    await closed
  }

  async stop(): Promise<void> {
    await this.proxy.close()
    await this.stopEngine()
    await rm(this.#folder, { recursive: true })
  }

  async #answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of req) chunks.push(chunk)
    const { method = '', url = '', headers } = req
    const [, kind, name] = /^\/(containers|networks|volumes)\/(mine|theirs)(?:\/json)?$/.exec(url) ?? []
    const isLookup = method === 'GET' && (name !== undefined || url === '/volumes/absent')
    if (!isLookup) this.seen.push({ call: `${method} ${url}`, body: Buffer.concat(chunks).toString(), headers })
    if (this.handler(req, res)) return
    if (name === undefined || !isLookup) {
      res.writeHead(url.includes('absent') ? 404 : 200).end('{}')
      return
    }
    const Labels = name === 'mine' ? OURS : { of: 'others' }
    const inside = { Env: ['PASSWORD=canary'], Cmd: ['canary'], Labels }
    res.end(JSON.stringify(kind === 'containers' ? { Id: name, Config: inside, Args: ['canary'] } : { Labels }))
  }
}

/** The body of a container of ours, with something beside or in place of what its host is told. */
export function aContainerBody(host: object = {}): object {
  const body = toCreateBody({ ...BARE_SPEC, name: 'new', image: 'hello', labels: OURS, network: 'mine', pidsLimit: 16 })
  return { ...body, HostConfig: { ...body.HostConfig, ...host } }
}
