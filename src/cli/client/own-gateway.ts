import { stat } from 'node:fs/promises'
import type { PeerCertificate } from 'node:tls'
import type { Config } from '../../config/config.ts'
import { loadConfig } from '../../config/load.ts'
import { readAdminPassword } from '../../http/auth/admin-password.ts'
import { readCertificate } from '../../http/certificate.ts'
import type { Environment } from '../environment.ts'
import { CliError, EXIT } from '../exit-code.ts'
import { ownUrl } from '../own-url.ts'
import { passwordSources } from '../password.ts'
import type { Connection } from './gateway-client.ts'
import { connectionError } from './problem.ts'
import { send, type Target } from './target.ts'

interface Given {
  readonly place: { readonly url: string; readonly source: string; readonly trusted: boolean } | undefined
  readonly token: string | undefined
}

const PATIENCE_MS = 30_000
const START = 'start it first, or name it with --gateway'

/**
 * The gateway of this machine's configuration, or another that was named without credentials of its own, as the
 * administrator: by the password in the environment or in the files of the gateway.
 */
export async function ownConnection(
  env: Environment['env'],
  { place, token }: Given
): Promise<Omit<Connection, 'namespace'>> {
  const config = loadConfig(env)
  const target = place === undefined ? await ownTarget(config) : { url: place.url, tls: {} }
  const connection = { ...target, unreachable: START, denied: deniedHelp(place, config) }
  if (token !== undefined) return { ...connection, authorization: `Bearer ${token}` }
  if (!config.AUTH_ENABLED) return connection
  requireRightToPassword(place, config, env)
  const sources = passwordSources(config, env)
  const isThere = (await stat(sources.generatedFile).catch(() => undefined)) !== undefined
  if (!sources.password && !sources.file && !isThere) {
    await requireAnswer(target)
    throw new CliError(
      `there is no ${sources.generatedFile}: set STATE_DB_PATH as the gateway has it, or AUTH_PASSWORD or AUTH_PASSWORD_FILE, or log in with "docker-faas login"`
    )
  }
  const { password } = await readAdminPassword(sources)
  const credentials = Buffer.from(`${config.AUTH_USER}:${password}`).toString('base64')
  return { ...connection, authorization: `Basic ${credentials}` }
}

/** The password of this machine's gateway goes to no other machine, unless somebody has set it for that. */
function requireRightToPassword(place: Given['place'], config: Config, env: Environment['env']): void {
  if (place === undefined || (place.trusted && isLoopback(place.url)) || place.url === ownUrl(config)) return
  const isSet = Boolean(env['AUTH_PASSWORD'] || config.AUTH_PASSWORD_FILE)
  if (isSet && place.trusted) return
  throw new CliError(
    `there are no credentials for ${place.url} (${place.source}): run "docker-faas login ${place.url}", or set DOCKER_FAAS_GATEWAY and DOCKER_FAAS_TOKEN`,
    EXIT.denied
  )
}

function isLoopback(url: string): boolean {
  const { hostname } = new URL(url)
  return hostname === 'localhost' || hostname === '[::1]' || /^127\./.test(hostname)
}

function deniedHelp(place: Given['place'], config: Config): string {
  const login = `run "docker-faas login${place === undefined ? '' : ` ${place.url}`}"`
  return `the password is that of AUTH_PASSWORD, AUTH_PASSWORD_FILE or the folder of ${config.STATE_DB_PATH}; or ${login}`
}

async function requireAnswer(target: Target): Promise<void> {
  try {
    await send(target, { method: 'GET', path: '/livez', timeoutMs: PATIENCE_MS })
  } catch (err) {
    throw connectionError(target.url, err, START)
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
