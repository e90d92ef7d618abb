import { readFileSync } from 'node:fs'
import type { Condition } from '../api/condition.ts'
import type { Settings } from './settings.ts'

const CALL_TIMEOUT_MS = 60_000

export interface FunctionView {
  readonly metadata: { readonly generation: number }
  readonly status: {
    readonly observedGeneration: number
    readonly replicas: number
    readonly readyReplicas: number
    readonly frozenReplicas: number
    readonly conditions: readonly Condition[]
  }
}

/** The gateway's API, as the sample's owner uses it. */
export class Api {
  readonly url: string
  readonly #authorization: string | undefined

  constructor({ port, user, passwordFile }: Settings, env: NodeJS.ProcessEnv) {
    this.url = `http://127.0.0.1:${port}`
    const password = env['AUTH_PASSWORD'] || readIfThere(passwordFile)
    const credentials = password === undefined ? undefined : Buffer.from(`${user}:${password}`).toString('base64')
    this.#authorization = credentials === undefined ? undefined : `Basic ${credentials}`
  }

  /** Writes down what is wanted; whether that was news. */
  async apply(manifest: object): Promise<'created' | 'as it was'> {
    const response = await this.#send('POST', '/v1/functions', JSON.stringify(manifest), 'application/json')
    return response.status === 201 ? 'created' : 'as it was'
  }

  /** The function; undefined when there is none of that name. */
  async get(name: string): Promise<FunctionView | undefined> {
    const response = await this.#send('GET', `/v1/functions/${name}`, undefined, undefined, [404])
    return response.status === 404 ? undefined : ((await response.json()) as FunctionView)
  }

  async scale(name: string, replicas: number): Promise<void> {
    await this.#send('POST', `/v1/functions/${name}/scale`, JSON.stringify({ replicas }), 'application/json')
  }

  /** What the function answers. */
  async invoke(name: string, body: string): Promise<string> {
    return (await this.#send('POST', `/function/${name}`, body, 'text/plain')).text()
  }

  async #send(method: string, path: string, body?: string, type?: string, expected: number[] = []): Promise<Response> {
    const headers = new Headers()
    if (type !== undefined) headers.set('Content-Type', type)
    if (this.#authorization !== undefined) headers.set('Authorization', this.#authorization)
    const signal = AbortSignal.timeout(CALL_TIMEOUT_MS)
    const response = await fetch(this.url + path, { method, headers, signal, ...(body === undefined ? {} : { body }) })
    if (response.ok || expected.includes(response.status)) return response
    throw new Error(`${method} ${path} was answered ${response.status}: ${(await response.text()).trim()}`)
  }
}

/** Whether the gateway says that it has seen every function once. */
export async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(CALL_TIMEOUT_MS) })).ok
  } catch {
    return false // not listening yet
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '')
  } catch {
    return undefined // authentication is off
  }
}
