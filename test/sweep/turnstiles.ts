import { createServer as createHttpServer, type IncomingMessage, request } from 'node:http'
import { createServer, type Server, type Socket } from 'node:net'
import type { Moment } from './stops.ts'

/** Who is asked at each moment; `false` means that the process is dead now. */
export interface Guard {
  readonly before: (moment: Moment) => boolean
  readonly during: (moment: Moment) => boolean
  readonly after: (moment: Moment) => void
}

/** Something that listens on a unix socket between the process and the world. */
export interface Turnstile {
  /** Ends everything that is under way, as the kernel does with the sockets of a dead process. */
  readonly cut: () => void
  readonly close: () => Promise<void>
}

/** Passes calls on to the engine behind `upstream`, and asks the guard before, during and after each. */
export async function engineTurnstile(path: string, upstream: string, guard: Guard): Promise<Turnstile> {
  const sockets = new Set<Socket>()
  const onward = new Set<{ destroy: () => void }>()
  const server = createHttpServer((from, back) => {
    const moment = momentOf(from)
    // Heartbeats come when they come, and are no place of a scenario.
    const asks = moment.what !== 'GET /_ping'
    if (asks && !guard.before(moment)) return
    const to = request({ socketPath: upstream, method: from.method, path: from.url, headers: from.headers })
    onward.add(to)
    to.on('close', () => onward.delete(to)).on('error', () => back.destroy())
    to.on('response', answer => {
      back.writeHead(answer.statusCode ?? 500, answer.headers)
      back.flushHeaders()
      answer.on('error', () => back.destroy()).pipe(back)
      answer.on('end', () => asks && guard.after(moment))
    })
    back.on('close', () => {
      if (!back.writableFinished) to.destroy()
    })
    forward(from, to, () => asks && guard.during(moment))
  })
  track(server, sockets)
  await listening(server, path)
  const cut = () => {
    for (const socket of sockets) socket.destroy()
    for (const call of onward) call.destroy()
  }
  return { cut, close: () => closed(server, cut) }
}

/** Sends the whole call, and only then asks: the engine has it when the process dies. */
function forward(from: IncomingMessage, to: ReturnType<typeof request>, sent: () => void): void {
  from.pipe(to, { end: false })
  from.on('end', () => to.end(() => sent()))
}

/** Asks the guard for each commit that disk-shim.c tells of. */
export async function commitTurnstile(path: string, guard: Guard): Promise<Turnstile> {
  const commit: Moment = { what: 'commit', changes: true }
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    socket.on('error', () => undefined) // the process was killed
    socket.on('data', ([byte]) => {
      if (byte === 'B'.charCodeAt(0)) {
        if (!guard.before(commit)) return
      } else {
        if (!guard.during(commit)) return
        guard.after(commit)
      }
      socket.write('.')
    })
  })
  track(server, sockets)
  await listening(server, path)
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  return { cut, close: () => closed(server, cut) }
}

function momentOf({ method = '', url = '' }: IncomingMessage): Moment {
  const path = url.replace(/\?.*/, '').replace(/\/[0-9a-f]{64}\b/, '/ID')
  return { what: `${method} ${path}`, changes: method !== 'GET' && method !== 'HEAD' }
}

function track(server: Server, sockets: Set<Socket>): void {
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => resolve())
  })
}

function closed(server: Server, cut: () => void): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve())
    cut()
  })
}
