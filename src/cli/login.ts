import { randomBytes } from 'node:crypto'
import { hostname, userInfo } from 'node:os'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { TokenView } from '../../api/token.ts'
import { type ConnectOptions, connect, parseGatewayUrl, tlsOf } from './client/connect.ts'
import { type Context, readContexts, requireContext, requireContextName, writeContexts } from './client/context-file.ts'
import { GatewayClient } from './client/gateway-client.ts'
import { GatewayError } from './client/problem.ts'
import { askSecret, readSecretInput } from './client/secret-input.ts'
import { withoutToken } from './config.ts'
import type { Environment } from './environment.ts'
import { usageError } from './exit-code.ts'

interface LoginOptions {
  readonly context?: string
  readonly username: string
  readonly passwordStdin?: boolean
  readonly tokenStdin?: boolean
  readonly expiresIn: string
  readonly namespace?: string
  readonly caFile?: string
}

const DEFAULT_URL = 'http://127.0.0.1:8080'

/** `docker-faas login` and `docker-faas logout`. */
export function addLogin(program: Command, environment: Environment): void {
  program
    .command('login')
    .description('check credentials at a gateway, keep a token for it, and make it the current context')
    .argument('[gateway]', `URL; that of --context, DOCKER_FAAS_GATEWAY, OPENFAAS_URL or ${DEFAULT_URL} when left out`)
    .option('--context <name>', 'name of the context; the host of the URL when left out')
    .option('-u, --username <name>', 'whose password it is', 'admin')
    .option('--password-stdin', 'read the password from the standard input; asked for at a terminal when left out')
    .option('--token-stdin', 'read a token instead, and keep that one')
    .option('--expires-in <duration>', 'how long the token is good that the password is exchanged for', '720h')
    .option('-n, --namespace <namespace>', 'the namespace of commands that name none')
    .option('--ca-file <path>', 'PEM certificates to trust there')
    .addHelpText('after', '\nThe password is not kept: a token of its own is made, which "docker-faas logout" revokes.')
    .action((gateway: string | undefined, options: LoginOptions) => logIn(environment, gateway, options))
  program
    .command('logout')
    .description('revoke the token that login made, and forget it')
    .option('--context <name>', 'of this context; of the current one when left out')
    .action((options: ConnectOptions) => logOut(environment, options))
}

async function logIn(environment: Environment, given: string | undefined, options: LoginOptions): Promise<void> {
  const { env, stdout, stderr } = environment
  if (options.passwordStdin && options.tokenStdin) throw usageError('choose one of --password-stdin and --token-stdin')
  const contexts = await readContexts(environment)
  const known = options.context === undefined ? undefined : contexts.contexts[requireContextName(options.context)]
  const named = given ?? known?.gateway ?? env['DOCKER_FAAS_GATEWAY'] ?? env['OPENFAAS_URL'] ?? DEFAULT_URL
  const url = parseGatewayUrl(named, 'the gateway')
  const caFile = options.caFile === undefined ? known?.caFile : resolve(options.caFile)
  const namespace = options.namespace ?? known?.namespace
  if (isOpenToOthers(url)) stderr.write(`${url} is no https: whoever is on the way can read the credentials\n`)
  const place = { url, ...(caFile === undefined ? {} : { caFile }) }
  const credentials = await findCredentials(environment, place, options)
  const name = options.context ?? requireContextName(new URL(url).host.replaceAll(/[[\]]/g, ''))
  const context: Context = {
    gateway: url,
    ...(namespace === undefined ? {} : { namespace }),
    ...(caFile === undefined ? {} : { caFile }),
    ...credentials
  }
  await writeContexts(env, { currentContext: name, contexts: { ...contexts.contexts, [name]: context } })
  stdout.write(`logged in to ${url}; context ${name} is the current one now\n`)
}

async function findCredentials(
  environment: Environment,
  place: Place,
  options: LoginOptions
): Promise<Pick<Context, 'token' | 'tokenId'>> {
  if (await isOpen(place)) return {}
  if (options.tokenStdin) return await checkToken(place, await readSecretInput(environment))
  return await exchangePassword(place, options, await readPassword(environment, place.url, options))
}

/** Whether the gateway asks for no credentials. */
async function isOpen(place: Place): Promise<boolean> {
  try {
    await (await clientOf(place)).call('GET', '/system/info')
    return true
  } catch (err) {
    if (err instanceof GatewayError && err.status === 401) return false
    throw err
  }
}

type Place = { readonly url: string; readonly caFile?: string }

/** The token, when the gateway knows it. */
async function checkToken(place: Place, text: string): Promise<Pick<Context, 'token'>> {
  const token = text.trim()
  if (!/^[\x21-\x7e]+$/.test(token)) throw usageError('the standard input holds no token')
  const client = await clientOf(place, { authorization: `Bearer ${token}`, denied: 'the token is not good there' })
  await client.call('GET', '/system/info')
  return { token }
}

/** A token of its own for who knows the password. */
async function exchangePassword(
  place: Place,
  { username, expiresIn }: LoginOptions,
  password: string
): Promise<Pick<Context, 'token' | 'tokenId'>> {
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
  const client = await clientOf(place, { authorization, denied: 'the user or the password is not good there' })
  const input = { name: tokenName(), scopes: ['admin'], expiresIn }
  const { id, token } = await client.call<TokenView & { readonly token: string }>('POST', '/v1/tokens', input)
  return { token, tokenId: id }
}

async function clientOf(
  { url, caFile }: Place,
  { authorization, denied = '' }: { readonly authorization?: string; readonly denied?: string } = {}
): Promise<GatewayClient> {
  return new GatewayClient({
    ...{ url, namespace: '', tls: {} },
    ...(authorization === undefined ? {} : { authorization }),
    ...(await tlsOf(caFile)),
    unreachable: 'does it run, and is the URL right?',
    denied: `${denied}; nothing was kept`
  })
}

async function readPassword(environment: Environment, url: string, options: LoginOptions): Promise<string> {
  const password = options.passwordStdin
    ? await readSecretInput(environment)
    : await askSecret(environment, `Password of ${options.username} at ${url}: `, '--password-stdin or --token-stdin')
  if (password === '') throw usageError('the password is empty')
  return password
}

async function logOut(environment: Environment, { context }: ConnectOptions): Promise<void> {
  const contexts = await readContexts(environment)
  const name = context ?? contexts.currentContext
  if (name === undefined) throw usageError('no context is the current one: name one with --context')
  const { tokenId } = requireContext(contexts, name)
  if (tokenId !== undefined) await revoke(environment, name, tokenId)
  const rest = { ...contexts.contexts, [name]: withoutToken(requireContext(contexts, name)) }
  await writeContexts(environment.env, { ...contexts, contexts: rest })
  environment.stdout.write(`logged out of context ${name}\n`)
}

/** A token that is known nowhere any more is as good as revoked; one that cannot be is told, and forgotten all the same. */
async function revoke(environment: Environment, name: string, tokenId: string): Promise<void> {
  const { DOCKER_FAAS_TOKEN: _token, DOCKER_FAAS_TOKEN_FILE: _file, ...env } = environment.env
  try {
    const client = await connect({ ...environment, env }, { context: name })
    await client.call('DELETE', `/v1/tokens/${encodeURIComponent(tokenId)}`)
  } catch (err) {
    const isGone = err instanceof GatewayError && (err.status === 401 || err.status === 404)
    if (!isGone) environment.stderr.write(`token ${tokenId} could not be revoked: ${(err as Error).message}\n`)
  }
}

function tokenName(): string {
  const who = `${userInfo().username}.${hostname()}`.replaceAll(/[^A-Za-z0-9_.-]/g, '-').slice(0, 40)
  return `cli.${who}.${randomBytes(4).toString('hex')}`
}

/** Whether credentials cross a network that others may read. */
function isOpenToOthers(url: string): boolean {
  const { protocol, hostname: host } = new URL(url)
  return protocol === 'http:' && host !== 'localhost' && host !== '[::1]' && !/^127\./.test(host)
}
