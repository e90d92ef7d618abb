import type { Agent, IncomingMessage } from 'node:http'
import { createRequire } from 'node:module'
import { inspect } from 'node:util'
import type Docker from 'dockerode'
import { http } from '../node-http.ts'
import { checkBody } from './docker-bodies.ts'
import { type EngineCall, readCall } from './docker-endpoints.ts'

export const DEFAULT_HOST = 'unix:///var/run/docker.sock'

/** No answer that is read whole may be larger; a list of 1,000 containers is about 3 MB. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024

interface Abortable {
  readonly abortSignal: AbortSignal
}

/** Dockerode with the options that its types leave out. */
export interface DockerClient extends Omit<Docker, 'info' | 'version' | 'getNetwork'> {
  info: (options: Abortable) => Promise<Readonly<Record<string, unknown>>>
  version: (options: Abortable) => Promise<Docker.DockerVersion>
  getNetwork: (id: string) => NetworkClient
}

export interface NetworkClient {
  inspect: (options: Abortable) => Promise<Docker.NetworkInspectInfo>
  remove: (options: Abortable) => Promise<void>
  connect: (options: Abortable & Docker.NetworkConnectOptions) => Promise<void>
  disconnect: (options: Abortable & { readonly Container: string }) => Promise<void>
}

interface DialOptions {
  readonly path: string
  readonly method: string
  readonly isStream?: boolean
  readonly options?: Record<string, unknown>
  readonly statusCodes: Readonly<Record<number, boolean | string>>
  readonly abortSignal?: AbortSignal | undefined
}
type DialCallback = (err: unknown, result?: unknown) => void
type Dial = (options: DialOptions, callback: DialCallback) => void
type Bytes = AsyncIterable<Buffer>

/** docker-modem, as far as it is used or changed here. */
interface Modem {
  dial: Dial
  /** Sends what `dial` has put together. */
  buildRequest: (request: ModemRequest, context: unknown, data: unknown, callback: DialCallback) => void
}
interface ModemRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, unknown>>
}

/**
 * A client of the engine at `host` (`unix:///path` or `tcp://name:port`), whatever the environment says. Paths carry
 * no API version, so every engine from 20.10 on answers in its own newest one: nothing is to be negotiated again when
 * the engine is upgraded below us, and an engine that refuses old versions (29 refuses below 1.44) has none to refuse.
 * In return, what is read of an answer is limited to fields that all versions have. Throws on any other form of host.
 * Calls that are not in `docker-endpoints.ts` are refused unless `any` is asked for, as scripts beside the program do.
 */
export function connectDocker(host: string, agent: Agent, calls: 'table' | 'any' = 'table'): DockerClient {
  const options: Docker.DockerOptions & { agent: Agent } = { ...parseHost(host), agent }
  const Dockerode = createRequire(import.meta.url)('dockerode') as typeof Docker
  const docker = new Dockerode(options) as unknown as DockerClient
  const modem = docker.modem as unknown as Modem
  modem.dial = readingWhole(readingAgain(modem.dial.bind(modem)))
  if (calls === 'table') modem.buildRequest = keepingToTable(modem.buildRequest.bind(modem))
  return docker
}

function problemOfData({ endpoint: { body } }: EngineCall, data: unknown): string | undefined {
  if (body === undefined || body === 'archive') return undefined
  const checked = checkBody(body, String(data))
  return typeof checked === 'string' ? `${checked}: it is not in the table` : undefined
}

/** Whoever lets only the calls of the table through, as `docker-faas socket-proxy` does, must not find one missing. */
function keepingToTable(send: Modem['buildRequest']): Modem['buildRequest'] {
  return (request, context, data, callback) => {
    const call = readCall(request.method, request.path)
    const problem = typeof call === 'string' ? call : problemOfData(call, data)
    if (problem === undefined) send(request, context, data, callback)
    else callback(new UnlistedCallError(problem))
  }
}

/** A call that is not made, as if the engine had refused it. */
class UnlistedCallError extends Error {
  override name = 'UnlistedCallError'
  readonly statusCode = 403
  constructor(problem: string) {
    super(`${problem} of calls that this program makes: add it to src/engine/docker-endpoints.ts or docker-bodies.ts`)
  }
}

/**
 * Tells nothing of itself: docker-modem makes a text of all that belongs to a request before it knows whether anybody
 * wants to read it. With the agent's sockets in it that takes 2 ms of each call, twenty times as long as the rest.
 */
class TerseAgent extends http.Agent {
  [inspect.custom](): string {
    return 'Agent'
  }
}

/** Connections are kept for the next call: a filtered list takes 1.6 ms, so that connecting is a good part of it. */
export function callAgent(): Agent {
  // NOTE: a free socket is dropped after 5 s, before any of the usual socket proxies drops it (HAProxy: 10 s and more).
  return new TerseAgent({ keepAlive: true, maxSockets: 32, maxFreeSockets: 8, timeout: 5000 })
}

/** Streams (events, pulls, logs) hold a connection for long, so that they have their own and hold up no call. */
export function streamAgent(): Agent {
  return new TerseAgent({ keepAlive: false })
}

/** The body of a `GET`, unread. */
export async function openStream(
  docker: DockerClient,
  path: string,
  query: Record<string, unknown>,
  signal: AbortSignal
): Promise<Bytes> {
  const modem = docker.modem as { dial: Dial }
  const { promise, resolve, reject } = Promise.withResolvers<Bytes>()
  const request = { path: `${path}?`, method: 'GET', options: query, isStream: true, statusCodes: { 200: true } }
  modem.dial({ ...request, abortSignal: signal }, (err, body) => (err ? reject(err) : resolve(body as Bytes)))
  return promise
}

/** How far the engine's clock is ahead of ours, in milliseconds, as its answer tells in whole seconds; 0 when it does not. */
export function aheadOf(answer: Bytes): number {
  const { headers } = answer as Partial<Pick<IncomingMessage, 'headers'>>
  const date = Date.parse(headers?.date ?? '')
  return Number.isNaN(date) ? 0 : date - Date.now()
}

function parseHost(host: string): Docker.DockerOptions {
  if (host.startsWith('unix://')) {
    // NOTE: docker-modem reads DOCKER_HOST itself, and an option that is missing takes its value; so each is given.
    return { socketPath: host.slice('unix://'.length) || '/var/run/docker.sock', host: undefined, protocol: 'http' }
  }
  const url = URL.parse(host)
  if (url === null || !['tcp:', 'http:'].includes(url.protocol) || url.hostname === '') {
    throw new Error(`engine address ${host} is neither unix:///path nor tcp://host:port`)
  }
  return { socketPath: undefined, host: url.hostname, port: url.port || 2375, protocol: 'http' }
}

/**
 * docker-modem waits for ever when a connection breaks inside an answer, and some of dockerode's methods (inspect of
 * networks and images) drop the abort signal. So answers are read here, as streams, and the signal is found again.
 */
function readingWhole(dial: Dial): Dial {
  return (options, callback) => {
    // NOTE: dockerode leaves the signal among what it sends.
    const { abortSignal: given, ...sent } = options.options ?? {}
    const abortSignal = options.abortSignal ?? (given as AbortSignal | undefined)
    const request = { ...options, options: sent, abortSignal }
    if (options.isStream === true) {
      dial(request, callback)
      return
    }
    dial({ ...request, isStream: true }, (err, body) => {
      if (err) callback(err)
      else
        readJson(body as Bytes)
          .then(json => callback(null, json))
          .catch(callback)
    })
  }
}

/** A kept connection may have been closed by the other side just now: what only reads is asked once more. */
function readingAgain(dial: Dial): Dial {
  return (options, callback) =>
    dial(options, (err, result) => {
      const { code } = (err ?? {}) as { code?: string }
      const isStale = options.method === 'GET' && (code === 'EPIPE' || code === 'ECONNRESET')
      if (isStale) dial(options, callback)
      else callback(err, result)
    })
}

async function readJson(body: Bytes): Promise<unknown> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of body) {
    length += chunk.length
    if (length > MAX_ANSWER_BYTES) throw new Error(`answer is larger than ${MAX_ANSWER_BYTES} bytes`)
    chunks.push(chunk)
  }
  return length === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString())
}
