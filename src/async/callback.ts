import { lookup as resolveHost } from 'node:dns/promises'
import type { IncomingMessage, RequestOptions } from 'node:http'
import { request as requestTls } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { http } from '../node-http.ts'
import { type CallbackPolicy, hostOf, isAllowedAddress, isTrustedHost } from './callback-policy.ts'

interface Address {
  readonly address: string
  readonly family: number
}

export interface CallbackDeps {
  readonly policy: CallbackPolicy
  /** For the whole of it, from the look-up of the name to the end of the answer. */
  readonly timeoutMs: number
  /** All addresses of a name; the system's resolver unless told. */
  readonly resolve?: (host: string) => Promise<readonly Address[]>
}

export interface CallbackMessage {
  readonly url: string
  /** Name, value, name, value. */
  readonly head: readonly string[]
  readonly body: Uint8Array
  readonly signal: AbortSignal
}

export type Delivered =
  | { readonly ok: true }
  | { readonly ok: false; readonly error: string; readonly isFinal: boolean }

/** An answer is not looked at beyond its status, and thrown away up to this. */
const MAX_ANSWER_BYTES = 64 * 1024

/**
 * Posts the result of a call. Every address of the host is held against the policy, and the connection goes to one that was: a name
 * that leads elsewhere a moment later leads nowhere. Redirects are not followed. Any status but 2xx is a failure.
 */
export async function deliverCallback(message: CallbackMessage, deps: CallbackDeps): Promise<Delivered> {
  const url = new URL(message.url)
  const signal = AbortSignal.any([message.signal, AbortSignal.timeout(deps.timeoutMs)])
  try {
    const addresses = await whileNotAborted(addressesOf(hostOf(url), deps), signal)
    const refused = isTrustedHost(hostOf(url), deps.policy)
      ? undefined
      : addresses.find(({ address }) => !isAllowedAddress(address, deps.policy))
    if (refused !== undefined) {
      return { ok: false, isFinal: true, error: `${hostOf(url)} is at ${refused.address}, which is not allowed` }
    }
    const status = await post(url, { ...message, signal }, addresses)
    if (status >= 200 && status < 300) return { ok: true }
    return { ok: false, isFinal: false, error: `it was answered ${status}` }
  } catch (err) {
    message.signal.throwIfAborted()
    return { ok: false, isFinal: false, error: signal.aborted ? `it took over ${deps.timeoutMs} ms` : errorText(err) }
  }
}

async function addressesOf(host: string, { resolve = resolveAll }: CallbackDeps): Promise<readonly Address[]> {
  const family = isIP(host)
  return family === 0 ? await resolve(host) : [{ address: host, family }]
}

function resolveAll(host: string): Promise<readonly Address[]> {
  return resolveHost(host, { all: true })
}

function post(url: URL, { head, body, signal }: CallbackMessage, addresses: readonly Address[]): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const options: RequestOptions = {
    method: 'POST',
    agent: false,
    signal,
    lookup: lookupOf(addresses),
    headers: [
      ...head,
      'Host',
      url.host,
      'Content-Length',
      String(body.byteLength),
      'Connection',
      'close',
      ...login(url)
    ]
  }
  const plain = new URL(url)
  plain.username = ''
  plain.password = ''
  const request = url.protocol === 'https:' ? requestTls(plain, options) : http.request(plain, options)
  request.once('error', reject)
  request.once('response', answer => drain(answer, () => resolve(answer.statusCode ?? 0), reject))
  // Nobody asked for another protocol; Node tells of neither an answer nor an error then.
  request.once('upgrade', ({ statusCode = 0 }, socket) => {
    socket.destroy()
    resolve(statusCode)
  })
  request.end(body)
  return promise
}

/** Gives the addresses that were looked at, whoever asks. */
function lookupOf(addresses: readonly Address[]): LookupFunction {
  return (_host, options, callback) => {
    const [first] = addresses
    if (options.all === true) callback(null, [...addresses])
    else callback(null, first?.address ?? '', first?.family)
  }
}

/** Credentials of the URL, as `Authorization`: Node takes none out of it when headers are a list. */
function login({ username, password }: URL): string[] {
  if (username === '' && password === '') return []
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return ['Authorization', `Basic ${Buffer.from(pair).toString('base64')}`]
}

function drain(answer: IncomingMessage, done: () => void, failed: (err: Error) => void): void {
  let bytes = 0
  answer.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= MAX_ANSWER_BYTES) return
    done()
    answer.destroy()
  })
  answer.once('end', done)
  answer.once('error', failed)
}

/** A look-up cannot be aborted: its result is not waited for any more. */
async function whileNotAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const abort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    signal.throwIfAborted()
    return await Promise.race([work, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** Codes of the system, and never more: messages may quote the URL. */
function errorText(err: unknown): string {
  const code = (err as NodeJS.ErrnoException | undefined)?.code
  return typeof code === 'string' ? `it could not be reached (${code})` : 'it could not be reached'
}
