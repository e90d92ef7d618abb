import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/clock.ts'
import { createApi } from '../../src/http/app.ts'
import { createAuthenticator } from '../../src/http/auth.ts'
import { createOrigins } from '../../src/http/client-address.ts'
import type { ApiDeps, LoopState, RequestObservation } from '../../src/http/deps.ts'
import { type CallTarget, createGatewayServer, type GatewayServerDeps } from '../../src/http/server.ts'
import { openStore, type Store } from '../../src/store/open.ts'

export const USER = 'admin'
export const PASSWORD = 'correct-horse-battery'
export const AUTHORIZATION = `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}`

export const HEALTHY: LoopState = {
  queueDepth: 0,
  running: 0,
  lag: [],
  maxLagSeconds: 0,
  lastFullResyncAt: '2026-01-01T00:00:00.000Z',
  engine: { reachable: true, version: '26.1.5' },
  firewall: { state: 'on' },
  watch: { connected: true },
  ready: true
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly json: any
}

export interface Call {
  readonly namespace: string
  readonly name: string
  readonly path: string
  readonly owesContinue: boolean
  readonly authorization: string | undefined
  readonly rawHeaders: readonly string[]
}

export interface ApiServer extends AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly store: Store
  readonly enqueued: string[]
  readonly logged: { level: string; fields: Record<string, unknown>; message: string }[]
  readonly observed: RequestObservation[]
  readonly calls: Call[]
  readonly resyncs: () => number
  /** What the loop says of itself from now on. */
  setState: (state: LoopState) => void
  /** Ends watches, as a stop of the gateway does. */
  shutDown: () => void
  /** A request with the right credentials; an object becomes a JSON body. */
  request: (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>
}

/** The API and its server over a real database in a directory of its own; the loop behind it stands still. */
export async function startApi(
  overrides: Partial<ApiDeps> = {},
  serverOverrides: Partial<GatewayServerDeps> = {}
): Promise<ApiServer> {
  const directory = await mkdtemp(join(tmpdir(), 'faas-api-'))
  const store = await openStore({ path: join(directory, 'faas.db'), clock: systemClock })
  const shutdown = new AbortController()
  const enqueued: string[] = []
  const logged: ApiServer['logged'] = []
  const observed: RequestObservation[] = []
  const calls: Call[] = []
  let state = HEALTHY
  let resyncs = 0
  const log = (level: string) => (fields: object, message: string) =>
    void logged.push({ level, fields: { ...fields }, message })
  const authenticator = createAuthenticator({ enabled: true, user: USER, password: PASSWORD })
  const api = createApi({
    functions: store.functions,
    events: store.events,
    audit: store.audit,
    enqueue: key => void enqueued.push(key),
    loop: {
      preview: async object => [`create ${object.metadata.name}-0: missing`],
      previewAll: async () => ({ functions: [{ key: 'openfaas-fn/a', steps: ['create a-0: missing'] }], garbage: [] }),
      state: () => state,
      resync: () => void resyncs++
    },
    adoption: {
      list: async () => ({ active: false, adopt: [], conflicts: [], delete: [], forged: 0 }),
      confirm: async () => ({ active: false, adopted: [], deleted: [] })
    },
    authenticator,
    addressOf: createOrigins([]).addressOf,
    allowedOrigins: [],
    limits: { maxReplicas: 10, defaultReplicas: 1 },
    info: { version: '3.0.0', commit: 'abc1234' },
    config: { functionsNetwork: 'docker-faas-net', authEnabled: true },
    log: { warn: log('warn'), error: log('error') },
    metrics: {
      auditLost: () => undefined,
      observeRequest: request => void observed.push(request),
      expose: async () => ({ contentType: 'text/plain; version=0.0.4; charset=utf-8', text: 'gateway_up 1\n' })
    },
    clock: systemClock,
    newId: randomUUID,
    invocationCount: key => (key.endsWith('/counted') ? 7 : 0),
    readTimeoutMs: 2000,
    shutdown: shutdown.signal,
    ...overrides
  })
  const server = createGatewayServer({
    api,
    proxy: {
      handle: (req, res, target: CallTarget) => {
        calls.push({ ...target, authorization: req.headers.authorization, rawHeaders: [...req.rawHeaders] })
        if (target.owesContinue) res.writeContinue()
        req.resume()
        req.once('end', () => res.end('called'))
      }
    },
    authenticator,
    requireAuthForFunctions: true,
    allowedOrigins: [],
    ...serverOverrides
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  return {
    url,
    port,
    store,
    enqueued,
    logged,
    observed,
    calls,
    resyncs: () => resyncs,
    setState: next => {
      state = next
    },
    shutDown: () => shutdown.abort(),
    request: (method, path, body, headers) => send(`${url}${path}`, method, body, headers),
    [Symbol.asyncDispose]: async () => {
      shutdown.abort()
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
      await store.close()
      await rm(directory, { recursive: true })
    }
  }
}

async function send(url: string, method: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const isText = typeof body === 'string'
  const response = await fetch(url, {
    method,
    headers: { authorization: AUTHORIZATION, ...headers },
    ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) })
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, json: parse(text) }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Not JSON: plain text is an answer too.
    return undefined
  }
}
