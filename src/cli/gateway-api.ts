import { stat } from 'node:fs/promises'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import { text } from 'node:stream/consumers'
import type { PeerCertificate } from 'node:tls'
import type { Config } from '../config/config.ts'
import { readAdminPassword } from '../http/auth/admin-password.ts'
import { readCertificate } from '../http/certificate.ts'
import type { Problem } from '../http/errors.ts'
import type { Environment } from './environment.ts'
import { passwordSources } from './password.ts'

const TIMEOUT_MS = 30_000

/** Where the gateway is, and what a connection needs to be taken for one to it. */
interface Target {
  readonly url: string
  readonly tls: RequestOptions
}

/** The running gateway: it alone writes its database. */
export class GatewayApi {
  readonly #target: Target
  readonly #headers: Record<string, string>

  private constructor(target: Target, headers: Record<string, string>) {
    this.#target = target
    this.#headers = headers
  }

  /** Throws what helps when no gateway answers, or nobody says the password. */
  static async connect(config: Config, env: Environment['env'], given: string | undefined): Promise<GatewayApi> {
    const target = given === undefined ? await ownTarget(config) : { url: given.replace(/\/+$/, ''), tls: {} }
    try {
      await send(target, 'GET', '/livez', {})
    } catch (err) {
      throw new Error(`no gateway answers at ${target.url}: start it first, or name it with --gateway`, { cause: err })
    }
    if (!config.AUTH_ENABLED) return new GatewayApi(target, {})
    const sources = passwordSources(config, env)
    const isThere = await stat(sources.generatedFile).catch(() => undefined)
    if (!sources.password && !sources.file && isThere === undefined) {
      throw new Error(
        `there is no ${sources.generatedFile}: set STATE_DB_PATH as the gateway has it, or AUTH_PASSWORD or AUTH_PASSWORD_FILE`
      )
    }
    const { password } = await readAdminPassword(sources)
    const credentials = Buffer.from(`${config.AUTH_USER}:${password}`).toString('base64')
    return new GatewayApi(target, { authorization: `Basic ${credentials}` })
  }

  /** The JSON of the answer, undefined for an empty one. Throws with what the gateway says when it refuses. */
  async call(method: string, path: string, body?: object): Promise<unknown> {
    const { status, body: answer } = await send(this.#target, method, path, this.#headers, body)
    if (status >= 200 && status < 300) return answer === '' ? undefined : JSON.parse(answer)
    throw new Error(`the gateway answered ${status}: ${detailOf(answer)}`)
  }
}

/** The gateway of this configuration. Its certificate is known by the file, whatever name or issuer is in it. */
async function ownTarget(config: Config): Promise<Target> {
  const address = `${hostOf(config.GATEWAY_ADDRESS)}:${config.GATEWAY_PORT}`
  const { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile } = config
  if (certFile === '') return { url: `http://${address}`, tls: {} }
  const { cert, fingerprint } = await readCertificate({ certFile, keyFile })
  const checkServerIdentity = (_host: string, { fingerprint256 }: PeerCertificate) =>
    fingerprint256.replaceAll(':', '').toLowerCase() === fingerprint
      ? undefined
      : new Error(`another certificate than that of ${certFile} is in use there`)
  return { url: `https://${address}`, tls: { ca: cert, checkServerIdentity, ...{ allowPartialTrustChain: true } } }
}

function send(
  { url, tls }: Target,
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: object
): Promise<{ status: number; body: string }> {
  const request = url.startsWith('https:') ? httpsRequest : httpRequest
  const sent = body === undefined ? undefined : JSON.stringify(body)
  const length = sent === undefined ? {} : { 'content-length': Buffer.byteLength(sent) }
  return new Promise((resolve, reject) => {
    const options = { ...tls, method, headers: { ...headers, ...length }, signal: AbortSignal.timeout(TIMEOUT_MS) }
    const req = request(`${url}${path}`, options, (res: IncomingMessage) => {
      text(res).then(answer => resolve({ status: res.statusCode ?? 0, body: answer }), reject)
    })
    req.once('error', reject)
    req.end(sent)
  })
}

function detailOf(body: string): string {
  try {
    return (JSON.parse(body) as Problem).detail
  } catch {
    return body.trim() // not a problem of ours: a proxy may stand before the gateway
  }
}

/** An address to listen on, as one to connect to. */
function hostOf(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1'
  return address === '::' ? '[::1]' : address.includes(':') ? `[${address}]` : address
}
