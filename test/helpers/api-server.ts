import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { listSchedules } from '../../controllers/schedule/view.ts'
import { InvocationDesk } from '../../src/async/desk.ts'
import { type Clock, systemClock } from '../../src/clock.ts'
import { createApi } from '../../src/http/app.ts'
import { takeAsyncCalls } from '../../src/http/async-intake.ts'
import { type Authenticator, createAuthenticator, type RefusalReason } from '../../src/http/auth/authenticator.ts'
import { Guesses, type GuessLimits } from '../../src/http/auth/guesses.ts'
import { createPasswordCheck } from '../../src/http/auth/password.ts'
import { createTokenDesk, type TokenDesk } from '../../src/http/auth/token-desk.ts'
import { TokenIndex } from '../../src/http/auth/token-index.ts'
import { createOrigins } from '../../src/http/client-address.ts'
import type { ApiDeps, LoopState, RequestObservation } from '../../src/http/deps.ts'
import { type CallTarget, createGatewayServer, type GatewayServerDeps } from '../../src/http/server.ts'
import { KeyRotation } from '../../src/secrets/rotation.ts'
import { openStore, type Store } from '../../src/store/open.ts'
import { POLICY } from './builders.ts'
import { aKeyring } from './keyring.ts'

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
  readonly identity: TestIdentity
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
  serverOverrides: Partial<GatewayServerDeps> = {},
  identityOptions: IdentityOptions = {}
): Promise<ApiServer> {
  const directory = await mkdtemp(join(tmpdir(), 'faas-api-'))
  const cipher = await aKeyring(directory)
  const store = await openStore({ path: join(directory, 'faas.db'), clock: systemClock, cipher })
  const shutdown = new AbortController()
  const enqueued: string[] = []
  const logged: ApiServer['logged'] = []
  const observed: RequestObservation[] = []
  const calls: Call[] = []
  let state = HEALTHY
  let resyncs = 0
  const log = (level: string) => (fields: object, message: string) =>
    void logged.push({ level, fields: { ...fields }, message })
  const identity = await anIdentity(store, { log: { warn: log('warn') }, ...identityOptions })
  const { authenticator } = identity
  const addressOf = createOrigins([]).addressOf
  const api = createApi({
    functions: store.functions,
    events: store.events,
    secrets: store.secrets,
    namespaces: store.namespaces,
    profiles: store.profiles,
    secretKeys: new KeyRotation(cipher, store),
    audit: store.audit,
    invocations: new InvocationDesk({ store: store.invocations, clock: systemClock, onMoved: () => undefined }),
    enqueue: key => void enqueued.push(key),
    loop: {
      preview: async object => [`create ${object.metadata.name}-0: missing`],
      previewAll: async () => ({ functions: [{ key: 'openfaas-fn/a', steps: ['create a-0: missing'] }], garbage: [] }),
      containers: async () => [],
      state: () => state,
      resync: () => void resyncs++
    },
    logs: { open: async () => Readable.from([]) },
    watchers: { take: () => true },
    adoption: {
      list: async () => ({ active: false, adopt: [], conflicts: [], delete: [], forged: 0 }),
      confirm: async () => ({ active: false, adopted: [], deleted: [] })
    },
    schedules: {
      list: objects => listSchedules({ ...store, spreadMs: 0, now: systemClock.now }, objects)
    },
    authenticator,
    tokens: identity.tokens,
    addressOf,
    allowedOrigins: [],
    rules: POLICY.isolation,
    functionsPerNamespace: 0,
    rate: { limit: 0, windowMs: 60_000 },
    limits: { maxReplicas: 10, defaultReplicas: 1 },
    info: { version: '3.0.0', commit: 'abc1234' },
    config: { functionsNetwork: 'docker-faas-net', authEnabled: true },
    log: { warn: log('warn'), error: log('error') },
    metrics: {
      auditLost: () => undefined,
      rateLimited: () => undefined,
      observeRequest: request => void observed.push(request),
      expose: async () => ({ contentType: 'text/plain; version=0.0.4; charset=utf-8', text: 'gateway_up 1\n' })
    },
    clock: systemClock,
    newId: randomUUID,
    invocationCount: key => (key.endsWith('/counted') ? 7 : 0),
    inflight: () => 0,
    alerts: { act: async () => ({ outcome: 'unchanged', replicas: 1 }) },
    usage: { of: async () => new Map() },
    readTimeoutMs: 2000,
    shutdown: shutdown.signal,
    ...overrides
  })
  const faced = takeAsyncCalls(
    {
      ...{ authenticator, addressOf, requireAuthForFunctions: true, allowedOrigins: [], ...serverOverrides },
      ...{ maxBodyBytes: 1024 * 1024, readTimeoutMs: 2000, log: { warn: log('warn'), error: log('error') } },
      enqueue: draft => store.invocations.accept({ ...draft, id: randomUUID(), now: Date.now() }),
      faultOfCallbackUrl: () => undefined
    },
    api
  )
  const server = createGatewayServer({
    api: faced,
    proxy: {
      handle: (req, res, target: CallTarget) => {
        calls.push({ ...target, authorization: req.headers.authorization, rawHeaders: [...req.rawHeaders] })
        if (target.owesContinue) res.writeContinue()
        req.resume()
        req.once('end', () => res.end('called'))
      }
    },
    authenticator,
    addressOf,
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
    identity,
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
      await identity.index.stop()
      await store.close()
      await rm(directory, { recursive: true })
    }
  }
}

/** A cost that tests need not wait for. */
const CHEAP = { memoryCost: 8, timeCost: 1, parallelism: 1 }

export interface IdentityOptions {
  readonly enabled?: boolean
  readonly limits?: GuessLimits
  readonly clock?: Clock
  readonly sessionMs?: number
  readonly password?: string
  readonly cost?: typeof CHEAP
  readonly log?: { warn: (fields: object, message: string) => void }
  readonly onRefused?: (reason: RefusalReason) => void
}

export interface TestIdentity {
  readonly authenticator: Authenticator
  readonly tokens: TokenDesk
  readonly index: TokenIndex
}

/** Who may do what, over the tokens of the store, with the password of these tests. */
export async function anIdentity(store: Store, options: IdentityOptions = {}): Promise<TestIdentity> {
  const { enabled = true, clock = systemClock, log = { warn: () => undefined } } = options
  const password = await createPasswordCheck({
    ...{ user: USER, password: options.password ?? PASSWORD, salt: 'test' },
    cost: options.cost ?? CHEAP
  })
  const index = new TokenIndex({ tokens: store.tokens, clock, passwordMark: password.mark, log })
  await index.start()
  const guesses = new Guesses({
    ...(options.limits ?? { limit: 10, windowMs: 60_000 }),
    clock,
    onSourceLimited: source => log.warn({ source }, 'Limited source'),
    onAccountSlowed: () => log.warn({}, 'Slowed down guesses')
  })
  return {
    authenticator: createAuthenticator({
      ...{ enabled, user: USER, password, tokens: index, guesses },
      onRefused: reason => options.onRefused?.(reason),
      onError: err => log.warn({ err }, 'Failed to look at credentials')
    }),
    tokens: createTokenDesk({
      ...{ tokens: store.tokens, index, clock, passwordMark: password.mark },
      sessionMs: options.sessionMs ?? 1_800_000
    }),
    index
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
