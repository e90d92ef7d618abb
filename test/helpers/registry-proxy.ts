import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import { Transform } from 'node:stream'

/** How the registry behind it answers. */
export type Mood =
  | { readonly kind: 'well' }
  /** Every request is answered so. */
  | { readonly kind: 'refuse'; readonly status: number; readonly body: object }
  /** Layers come by so many bytes a second. */
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }

const BITE_MS = 50

/** A registry's address on 127.0.0.1 that passes everything on until it is told otherwise. */
export class RegistryProxy implements AsyncDisposable {
  mood: Mood = { kind: 'well' }
  /** `GET /v2/…`, as they came. */
  readonly requests: string[] = []
  /** Most layers that came at the same time. */
  mostAtOnce = 0
  #atOnce = 0
  readonly #target: number
  readonly #server: Server

  private constructor(target: number) {
    this.#target = target
    this.#server = createServer((req, res) => this.#handle(req, res))
  }

  static async start(target: { readonly port: number }): Promise<RegistryProxy> {
    const proxy = new RegistryProxy(target.port)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  /** `127.0.0.1:<port>/<name>`. */
  reference(name: string): string {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the proxy does not listen')
    return `127.0.0.1:${address.port}/${name}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise(resolve => this.#server.close(resolve))
  }

  #handle(req: IncomingMessage, res: ServerResponse): void {
    const { method = '', url = '', headers } = req
    this.requests.push(`${method} ${url}`)
    if (this.mood.kind === 'refuse') {
      res.writeHead(this.mood.status, { 'content-type': 'application/json', 'retry-after': '30' })
      res.end(JSON.stringify(this.mood.body))
      return
    }
    const onward = request(
      { host: '127.0.0.1', port: this.#target, method, path: url, headers, agent: false },
      reply => {
        res.writeHead(reply.statusCode ?? 502, reply.headers)
        if (this.mood.kind === 'slow' && isLayer(url, reply)) this.#drip(reply, res, this.mood.bytesPerSecond)
        else reply.pipe(res)
      }
    )
    onward.on('error', () => res.destroy())
    res.on('close', () => onward.destroy())
    req.pipe(onward)
  }

  #drip(reply: IncomingMessage, res: ServerResponse, bytesPerSecond: number): void {
    const bite = Math.ceil((bytesPerSecond * BITE_MS) / 1000)
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#atOnce)
    res.once('close', () => this.#atOnce--)
    const slow = new Transform({
      transform(chunk: Buffer, _, done) {
        const next = (at: number): void => {
          if (at >= chunk.length) {
            done()
            return
          }
          this.push(chunk.subarray(at, at + bite))
          setTimeout(next, BITE_MS, at + bite)
        }
        next(0)
      }
    })
    reply.pipe(slow).pipe(res)
  }
}

/** An image's configuration is a blob, too, and small. */
function isLayer(url: string, { headers }: IncomingMessage): boolean {
  return url.includes('/blobs/') && Number(headers['content-length']) > 65_536
}
