import { readFile } from 'node:fs/promises'
import { DEFAULT_NAMESPACE } from '../../../api/namespace.ts'
import type { Environment } from '../environment.ts'
import { usageError } from '../exit-code.ts'
import { type Context, type Contexts, readContexts, requireContext } from './context-file.ts'
import { type Connection, GatewayClient } from './gateway-client.ts'
import type { Target } from './target.ts'
import { createPaint, terminalSafe } from './terminal.ts'

/** Of each command that asks a gateway, as commander gives them. */
export interface ConnectOptions {
  readonly gateway?: string
  readonly context?: string
  readonly tokenFile?: string
  readonly caFile?: string
  readonly namespace?: string
}

/** A gateway that a file names, which may be anybody's. */
export interface Hint {
  readonly gateway: string
  readonly source: string
}

/** Where a gateway was named, in falling order of precedence; nothing means that of this machine. */
interface Place {
  readonly url: string
  /** What names it, for messages. */
  readonly source: string
  readonly context?: Context & { readonly name: string }
  /** Whether credentials that are not bound to a gateway may go there: not where a file names it that may be anybody's. */
  readonly trusted: boolean
}

/**
 * The gateway that a command asks: `--gateway` or `--context`, else `DOCKER_FAAS_CONTEXT`, `DOCKER_FAAS_GATEWAY` or
 * `OPENFAAS_URL`, else the current context, else `hint` (of a stack file), else that of this machine's configuration.
 */
export async function connect(
  environment: Environment,
  options: ConnectOptions = {},
  hint: () => Hint | undefined = () => undefined
): Promise<GatewayClient> {
  const place = await findPlace(environment, options, hint)
  const paint = createPaint(environment.env, environment.stderr)
  const warn = (text: string) => environment.stderr.write(`${paint('yellow', 'warning:')} ${terminalSafe(text)}\n`)
  return new GatewayClient({ ...(await connectionOf(environment, options, place)), warn })
}

async function findPlace(
  environment: Environment,
  options: ConnectOptions,
  hint: () => Hint | undefined
): Promise<Place | undefined> {
  const { env } = environment
  const contexts = await readContexts(environment)
  if (options.gateway !== undefined && options.context !== undefined) {
    throw usageError('choose one of --gateway and --context')
  }
  if (options.gateway !== undefined) return namedPlace(options.gateway, '--gateway', contexts)
  const chosen = options.context ?? filled(env['DOCKER_FAAS_CONTEXT'])
  if (chosen !== undefined) return contextPlace(contexts, chosen)
  for (const variable of ['DOCKER_FAAS_GATEWAY', 'OPENFAAS_URL']) {
    const url = filled(env[variable])
    if (url !== undefined) return namedPlace(url, variable, contexts)
  }
  if (contexts.currentContext !== undefined) return contextPlace(contexts, contexts.currentContext)
  const hinted = hint()
  return hinted === undefined ? undefined : { ...namedPlace(hinted.gateway, hinted.source, contexts), trusted: false }
}

function contextPlace(contexts: Contexts, name: string): Place {
  const context = requireContext(contexts, name)
  const source = `context ${name}`
  return { url: parseGatewayUrl(context.gateway, source), source, context: { ...context, name }, trusted: true }
}

/** A URL that is also that of a context has its credentials and its certificates, as `faas-cli` has it. */
function namedPlace(text: string, source: string, contexts: Contexts): Place {
  const url = parseGatewayUrl(text, source)
  const entries = Object.entries(contexts.contexts)
  const [name, context] = entries.find(([, { gateway }]) => trimUrl(gateway) === url) ?? []
  const found = context === undefined || name === undefined ? {} : { context: { ...context, name } }
  return { url, source, trusted: true, ...found }
}

async function connectionOf(
  { env }: Environment,
  options: ConnectOptions,
  place: Place | undefined
): Promise<Connection> {
  const namespace =
    options.namespace ?? filled(env['DOCKER_FAAS_NAMESPACE']) ?? place?.context?.namespace ?? DEFAULT_NAMESPACE
  const caFile = options.caFile ?? filled(env['DOCKER_FAAS_CA_FILE']) ?? place?.context?.caFile
  const token = await findToken(env, options, place)
  const isKnown = token !== undefined || place?.context !== undefined
  if (place === undefined || !isKnown) {
    // The configuration of a gateway is loaded only where it is needed: it costs more time than most commands.
    const { ownConnection } = await import('./own-gateway.ts')
    return { ...(await ownConnection(env, { place, token })), ...(await tlsOf(caFile)), namespace }
  }
  const { url, source, context } = place
  return {
    url,
    namespace,
    tls: {},
    ...(await tlsOf(caFile)),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    unreachable: `does it run, and is ${source} right?`,
    denied: `run "docker-faas login ${context === undefined ? url : `--context ${context.name}`}", or set DOCKER_FAAS_TOKEN`
  }
}

async function findToken(
  env: Environment['env'],
  options: ConnectOptions,
  place: Place | undefined
): Promise<string | undefined> {
  if (options.tokenFile !== undefined) {
    if (place?.trusted === false && place.context === undefined) {
      throw usageError(`--token-file does not go to ${place.url}, as ${place.source} names it: say --gateway as well`)
    }
    return await readToken(options.tokenFile)
  }
  if (place === undefined || place.trusted) {
    const given = filled(env['DOCKER_FAAS_TOKEN'])
    if (given !== undefined) return toToken(given, 'DOCKER_FAAS_TOKEN')
    const file = filled(env['DOCKER_FAAS_TOKEN_FILE'])
    if (file !== undefined) return await readToken(file)
  }
  const { tokenFile, token } = place?.context ?? {}
  if (tokenFile !== undefined) return await readToken(tokenFile)
  return token === undefined ? undefined : toToken(token, `context ${place?.context?.name}`)
}

/** The certificates that are trusted: those of the file, which may be the gateway's own, and no others. */
export async function tlsOf(caFile: string | undefined): Promise<Pick<Target, 'tls'> | Record<string, never>> {
  if (caFile === undefined) return {}
  const ca = await readText('--ca-file', caFile)
  if (!ca.includes('-----BEGIN CERTIFICATE-----')) throw usageError(`${caFile} holds no PEM certificate`)
  return { tls: { ca, ...{ allowPartialTrustChain: true } } }
}

/** The URL without a slash at its end. Throws for what is no gateway's, and for one with a password in it. */
export function parseGatewayUrl(text: string, source: string): string {
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`
  const url = URL.parse(full)
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    // What looks like credentials is for nobody's log.
    const shown = JSON.stringify(text.replace(/[^/]*@/, '…@'))
    throw usageError(`${source} must be a URL such as https://faas.example.com, not ${shown}`)
  }
  if (url.username !== '' || url.password !== '') {
    throw usageError(`${source} must hold no credentials: "docker-faas login" keeps them`)
  }
  if (url.search !== '' || url.hash !== '') throw usageError(`${source} must have neither a query nor a fragment`)
  return trimUrl(url.href)
}

async function readToken(path: string): Promise<string> {
  return toToken((await readText('the file of the token', path)).trim(), path)
}

/** Throws for what no header can hold. */
function toToken(text: string, source: string): string {
  if (!/^[\x21-\x7e]+$/.test(text)) throw usageError(`${source} holds no token`)
  return text
}

async function readText(what: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (err) {
    throw usageError(`${what} cannot be read`, { cause: err })
  }
}

function trimUrl(url: string): string {
  return url.replace(/\/+$/, '')
}

function filled(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === '' ? undefined : text.trim()
}
