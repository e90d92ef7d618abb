import { stat } from 'node:fs/promises'
import type { PeerCertificate } from 'node:tls'
import type { Config } from '../config/config.ts'
import { readAdminPassword } from '../http/auth/admin-password.ts'
import { readCertificate } from '../http/certificate.ts'
import type { Problem } from '../http/errors.ts'
import type { Environment } from './environment.ts'
import { ownUrl, send, type Target } from './gateway-target.ts'
import { passwordSources } from './password.ts'

const TIMEOUT_MS = 30_000

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
      await send(target, { method: 'GET', path: '/livez', timeoutMs: TIMEOUT_MS })
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
    const { status, body: answer } = await send(this.#target, {
      ...{ method, path, headers: this.#headers, timeoutMs: TIMEOUT_MS },
      ...(body === undefined ? {} : { body })
    })
    if (status >= 200 && status < 300) return answer === '' ? undefined : JSON.parse(answer)
    throw new Error(`the gateway answered ${status}: ${detailOf(answer)}`)
  }
}

/** The gateway of this configuration. Its certificate is known by the file, whatever name or issuer is in it. */
async function ownTarget(config: Config): Promise<Target> {
  const url = ownUrl(config)
  const { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile } = config
  if (certFile === '') return { url, tls: {} }
  const { cert, fingerprint } = await readCertificate({ certFile, keyFile })
  const checkServerIdentity = (_host: string, { fingerprint256 }: PeerCertificate) =>
    fingerprint256.replaceAll(':', '').toLowerCase() === fingerprint
      ? undefined
      : new Error(`another certificate than that of ${certFile} is in use there`)
  return { url, tls: { ca: cert, checkServerIdentity, ...{ allowPartialTrustChain: true } } }
}

function detailOf(body: string): string {
  try {
    return (JSON.parse(body) as Problem).detail
  } catch {
    return body.trim() // not a problem of ours: a proxy may stand before the gateway
  }
}
