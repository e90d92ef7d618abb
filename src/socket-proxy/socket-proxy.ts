import { chmod, rm, stat } from 'node:fs/promises'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { checkBody } from '../engine/docker-bodies.ts'
import { type EngineCall, readCall } from '../engine/docker-endpoints.ts'
import type { Logger } from '../logging/logger.ts'
import { http } from '../node-http.ts'
import { isOurs, labelsIn, type ReadLabels, strangerIn, withoutInside } from './ownership.ts'
import { type Address, answerHeaders, ask, readLabels, readText } from './upstream.ts'

export interface SocketProxyOptions {
  readonly engine: Address
  /** Only what this installation owns may be changed; what any one owns, when absent. */
  readonly instance?: string | undefined
  readonly log: Pick<Logger, 'info' | 'warn'>
}

/** A body that describes something is small; that of an archive is not read here. */
const MAX_BODY_BYTES = 8 * 1024 * 1024
const MAX_SHOWN = 200
/** Its owner and its group may use it. */
const SOCKET_MODE = 0o660

/** Why a call is not let through. */
class RefusedError extends Error {}

/**
 * A socket before the engine's that lets the calls of `docker-endpoints.ts` through and no others: with bodies that
 * give nobody a hold of the host, about objects of ours. What it cannot understand it refuses.
 */
export class SocketProxy {
  readonly #options: SocketProxyOptions
  readonly #server: Server
  /** How many calls it has refused. */
  refused = 0

  constructor(options: SocketProxyOptions) {
    this.#options = options
    // A stream of events lasts as long as the gateway; an archive may take its time.
    this.#server = http.createServer(
      { requestTimeout: 0, keepAliveTimeout: 60_000 },
      (req, res) => void this.#serve(req, res)
    )
    // Neither is HTTP that goes on as something else.
    this.#server.on('upgrade', (req, socket) => {
      this.#note(req, 'it asks for another protocol')
      socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
    })
    this.#server.on('connect', (_, socket) => socket.destroy())
  }

  /** Listens; a Unix socket that was left behind is replaced, one that somebody listens on is not. */
  async listen(address: Address): Promise<void> {
    const path = 'socketPath' in address ? address.socketPath : undefined
    if (path !== undefined) await removeDeadSocket(path)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#server.once('error', reject)
    this.#server.listen(path === undefined ? address : { path }, resolve)
    await promise
    if (path !== undefined) await chmod(path, SOCKET_MODE)
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }

  async #serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const gone = new AbortController()
    res.once('close', () => gone.abort())
    try {
      await this.#pass(req, res, gone.signal)
    } catch (err) {
      if (err instanceof RefusedError) {
        this.#note(req, err.message)
        refuse(res, err.message)
        return
      }
      if (!gone.signal.aborted) this.#options.log.warn({ err, method: req.method }, 'Failed call of engine')
      // As if the proxy were not there: an answer would say that the engine is.
      res.destroy()
    }
  }

  async #pass(req: IncomingMessage, res: ServerResponse, signal: AbortSignal): Promise<void> {
    const { engine, instance } = this.#options
    const call = readCall(req.method ?? '', req.url ?? '')
    if (typeof call === 'string') throw new RefusedError(call)
    const { headers, sent, checked } = await readRequest(req, call)
    const labelsOf: ReadLabels = (subject, name) => readLabels(engine, subject, name, signal)
    const stranger = await strangerIn(call, checked, { instance, labelsOf })
    if (stranger !== undefined) throw new RefusedError(stranger)
    const path = call.query.size === 0 ? call.path : `${call.path}?${call.query}`
    const body = sent === undefined ? {} : { body: sent }
    const answer = await ask(engine, { method: call.endpoint.method, path, headers, ...body, signal })
    if (tellsOfInside(call) && answer.statusCode === 200) return answerContainer(answer, res, instance)
    res.writeHead(answer.statusCode ?? 502, answerHeaders(answer.headers))
    res.flushHeaders()
    await pipeline(answer, res)
  }

  #note(req: IncomingMessage, reason: string): void {
    this.refused++
    const { pathname = '' } = URL.parse(req.url ?? '', 'http://engine') ?? {}
    this.#options.log.warn({ method: req.method, path: pathname.slice(0, MAX_SHOWN), reason }, 'Refused call of engine')
  }
}

function tellsOfInside({ endpoint }: EngineCall): boolean {
  return endpoint.path === '/containers/{container}/json'
}

/** The gateway looks for the container that it runs in, which is none of ours, and sees others on the way. */
async function answerContainer(answer: IncomingMessage, res: ServerResponse, instance: string | undefined) {
  const json = JSON.parse(await readText(answer)) as object
  const told = isOurs(labelsIn('container', json), instance) ? json : withoutInside(json)
  const { 'content-length': _, ...headers } = answerHeaders(answer.headers)
  res.writeHead(200, headers).end(JSON.stringify(told))
}

/** What goes on of a request: a body only where there is one, and written anew, so that nobody reads it otherwise. */
async function readRequest(req: IncomingMessage, { endpoint }: EngineCall) {
  const { 'x-registry-auth': credentials, 'content-length': length } = req.headers
  const headers = { host: 'docker', ...(credentials === undefined ? {} : { 'x-registry-auth': credentials }) }
  if (endpoint.body === 'archive') {
    const size = length === undefined ? {} : { 'content-length': length }
    return { headers: { ...headers, 'content-type': 'application/x-tar', ...size }, sent: req }
  }
  if (endpoint.body === undefined) {
    req.resume()
    return { headers: { ...headers, 'content-length': 0 } }
  }
  const checked = checkBody(endpoint.body, await readText(req, MAX_BODY_BYTES))
  if (typeof checked === 'string') throw new RefusedError(checked)
  const sent = JSON.stringify(checked.body)
  const type = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(sent) }
  return { headers: { ...headers, ...type }, sent, checked }
}

function refuse(res: ServerResponse, reason: string): void {
  const message = `docker-faas socket-proxy: ${reason}`
  res.writeHead(403, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify({ message }))
}

/** Throws when somebody listens there. */
async function removeDeadSocket(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) return
  if (!found.isSocket()) throw new Error(`${path} is there and no socket`)
  const isAlive = await new Promise<boolean>(resolve => {
    const socket = connect(path, () => {
      socket.destroy()
      resolve(true)
    }).once('error', () => resolve(false))
  })
  if (isAlive) throw new Error(`something else listens on ${path}`)
  await rm(path)
}
