import { rmSync } from 'node:fs'
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** What happens to a call that a rule fits. */
export type Deed =
  /** It gets to the engine late. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** Its connection is taken, and nothing comes; the engine does not get it. */
  | { readonly kind: 'hang' }
  /** Its connection is reset; the engine does not get it. */
  | { readonly kind: 'reset' }
  /** The engine does it, and its connection is reset instead of the answer. */
  | { readonly kind: 'drop-reply' }
  /** The engine does it, and the connection is reset inside the answer, after so many bytes of its body. */
  | { readonly kind: 'truncate'; readonly bytes: number }
  /** It is answered so: instead of the engine's answer when that did it first, else in its place. */
  | { readonly kind: 'answer'; readonly status: number; readonly message: string; readonly done: boolean }
  /** The answer's body, of a stream that runs already as well, is held back from now on; the connection stays open. */
  | { readonly kind: 'mute' }
  /** What comes of the bodies of streams that run already is lost; calls that come later are not touched. */
  | { readonly kind: 'deafen' }

export interface Rule {
  /** How many calls it was used for. */
  readonly hits: number
  /** Ends it, and the connections that it holds up. */
  readonly end: () => void
}

interface ActiveRule {
  readonly method: RegExp
  readonly path: RegExp
  readonly deed: Deed
  readonly held: Set<Socket>
  /** How many calls came before it. */
  readonly after: number
  left: number
  hits: number
}

/**
 * A unix socket before the engine's, that passes everything on until it is told otherwise. Rules may come and go while
 * calls run; the first that fits a call is used.
 */
export class FaultProxy {
  readonly path: string
  /** What came, as `POST /containers/{}/start`: a method and a path in which what names an object is left out. */
  readonly calls: string[] = []
  readonly #target: string
  readonly #rules: ActiveRule[] = []
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined

  constructor(path: string, target: string) {
    this.path = path
    this.#target = target
  }

  get host(): string {
    return `unix://${this.path}`
  }

  async open(): Promise<void> {
    const server = createServer({ requestTimeout: 0, keepAliveTimeout: 0 }, (req, res) => void this.#handle(req, res))
    server.on('connection', socket => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
    await new Promise<void>(resolve => server.listen(this.path, resolve))
    this.#server = server
  }

  /** Ends every connection; the socket is gone, and a new connection fails. */
  close(): void {
    this.#server?.close()
    this.#server = undefined
    for (const socket of this.#sockets) socket.destroy()
    rmSync(this.path, { force: true })
  }

  /**
   * From now on: what comes with such a method and path, the query left out, has this happen to it; so many times, or
   * until it is ended.
   */
  when(method: RegExp, path: RegExp, deed: Deed, times = Number.POSITIVE_INFINITY): Rule {
    const rule: ActiveRule = { method, path, deed, held: new Set(), after: this.calls.length, left: times, hits: 0 }
    this.#rules.push(rule)
    return {
      get hits() {
        return rule.hits
      },
      end: () => {
        if (this.#rules.includes(rule)) this.#rules.splice(this.#rules.indexOf(rule), 1)
        for (const socket of rule.held) socket.destroy()
      }
    }
  }

  /** Ends every rule. */
  heal(): void {
    for (const rule of this.#rules.splice(0)) for (const socket of rule.held) socket.destroy()
  }

  /** Everything hangs, what of streams that run as well; their bytes meanwhile are lost. */
  hangAll(): Rule {
    return this.when(/./, /./, { kind: 'hang' })
  }

  async #handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const path = (req.url ?? '').replace(/\?.*/, '')
    this.calls.push(`${req.method} ${templateOf(path)}`)
    const rule = this.#take(req.method ?? '', path)
    const deed = rule?.deed
    if (deed?.kind === 'delay') await sleep(deed.ms)
    if (deed?.kind === 'hang') return hold(rule, req.socket)
    if (deed?.kind === 'reset') return void req.socket.destroy()
    if (deed?.kind === 'answer' && !deed.done) return answer(res, deed)
    this.#forward(req, res, deed)
  }

  #take(method: string, path: string): ActiveRule | undefined {
    const rule = this.#rules.find(
      r => r.left > 0 && r.deed.kind !== 'deafen' && r.method.test(method) && r.path.test(path)
    )
    if (rule === undefined) return undefined
    rule.left--
    rule.hits++
    return rule
  }

  #forward(req: IncomingMessage, res: ServerResponse, deed: Deed | undefined): void {
    const { method, url, headers } = req
    const forward = request({ socketPath: this.#target, method, path: url, headers, agent: false }, reply => {
      reply.on('error', () => res.destroy())
      if (deed?.kind === 'answer') {
        reply.resume().on('end', () => answer(res, deed))
      } else if (deed?.kind === 'drop-reply') {
        reply.resume().on('end', () => req.socket.destroy())
      } else {
        res.writeHead(reply.statusCode ?? 502, reply.headers)
        res.flushHeaders()
        this.#passBody(reply, res, { method: method ?? '', path: url?.replace(/\?.*/, '') ?? '', deed })
      }
    })
    forward.on('error', () => res.destroy())
    res.on('close', () => forward.destroy())
    req.pipe(forward)
  }

  #passBody(
    reply: IncomingMessage,
    res: ServerResponse,
    { method, path, deed }: { method: string; path: string; deed: Deed | undefined }
  ): void {
    const nth = this.calls.length
    let left = deed?.kind === 'truncate' ? deed.bytes : Number.POSITIVE_INFINITY
    reply.on('data', (chunk: Buffer) => {
      if (this.#isSilent(method, path, nth)) return
      res.write(chunk.subarray(0, Math.max(0, left)))
      left -= chunk.length
      if (left <= 0) res.destroy()
    })
    reply.on('end', () => {
      if (!this.#isSilent(method, path, nth)) res.end()
    })
  }

  /** Whether nothing of the body goes on just now that began when so many calls had come. */
  #isSilent(method: string, path: string, nth: number): boolean {
    return this.#rules.some(
      ({ deed, ...rule }) =>
        (deed.kind === 'mute' || deed.kind === 'hang' || (deed.kind === 'deafen' && nth <= rule.after)) &&
        rule.method.test(method) &&
        rule.path.test(path)
    )
  }
}

function hold(rule: ActiveRule | undefined, socket: Socket): void {
  rule?.held.add(socket)
  socket.on('close', () => rule?.held.delete(socket))
}

function answer(res: ServerResponse, { status, message }: { status: number; message: string }): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ message }))
}

/** Objects are the second part of a path, where there is more than one: `/containers/create` and `json` are none. */
function templateOf(path: string): string {
  return path
    .replace(/^\/v1\.\d+/, '')
    .replace(
      /^\/(containers|networks|volumes|images)\/(?!(?:json|create|prune|load|get|search)$)(.+?)(\/[a-z]+)?$/,
      '/$1/{}$3'
    )
}
