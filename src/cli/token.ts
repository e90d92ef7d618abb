import type { TokenInput, TokenView } from '../../api/token.ts'
import { loadConfig } from '../config/config.ts'
import type { Environment } from './environment.ts'
import { GatewayApi } from './gateway-api.ts'

interface GatewayOption {
  /** URL of the gateway; that of the configuration when left out. */
  readonly gateway?: string
}

export interface TokenCreateOptions extends GatewayOption {
  readonly scope: readonly string[]
  readonly namespace?: readonly string[]
  readonly expiresIn?: string
  readonly json: boolean
}

export interface TokenListOptions extends GatewayOption {
  readonly json: boolean
}

const TOKENS = '/v1/tokens'

/** Has the running gateway create a token. The token alone goes to the standard output, so that it can be put in a variable. */
export async function createToken(
  { env, stdout, stderr }: Environment,
  name: string,
  { scope, namespace, expiresIn, json, gateway }: TokenCreateOptions
): Promise<void> {
  const api = await GatewayApi.connect(loadConfig(env), env, gateway)
  const input = {
    name,
    scopes: scope as TokenInput['scopes'],
    ...(namespace === undefined ? {} : { namespaces: [...namespace] }),
    ...(expiresIn === undefined ? {} : { expiresIn })
  } satisfies TokenInput
  const created = (await api.call('POST', TOKENS, input)) as TokenView & { readonly token: string }
  if (json) {
    stdout.write(`${JSON.stringify(created, null, 2)}\n`)
    return
  }
  stdout.write(`${created.token}\n`)
  stderr.write(`created token ${describe(created)}; it is shown this once\n`)
}

/** Prints the tokens and sessions of the running gateway, without their secrets. */
export async function listTokens({ env, stdout }: Environment, { json, gateway }: TokenListOptions): Promise<void> {
  const api = await GatewayApi.connect(loadConfig(env), env, gateway)
  const { items } = (await api.call('GET', TOKENS)) as { readonly items: readonly TokenView[] }
  if (json) stdout.write(`${JSON.stringify(items, null, 2)}\n`)
  else stdout.write(items.length === 0 ? 'there are no tokens\n' : `${items.map(describe).join('\n')}\n`)
}

/** Has the running gateway revoke the token of that id or name. */
export async function revokeToken({ env, stdout }: Environment, token: string, options: GatewayOption): Promise<void> {
  const api = await GatewayApi.connect(loadConfig(env), env, options.gateway)
  await api.call('DELETE', `${TOKENS}/${encodeURIComponent(token)}`)
  stdout.write(`revoked ${token}\n`)
}

function describe({ id, kind, name, scopes, namespaces, expiresAt, lastUsedAt }: TokenView): string {
  const bound = namespaces === undefined ? 'all namespaces' : namespaces.join(', ')
  const ends = expiresAt === undefined ? 'does not expire' : `until ${expiresAt}`
  const used = lastUsedAt === undefined ? 'never used' : `last used ${lastUsedAt}`
  return `${name} (${kind} ${id}): ${scopes.join(', ')} in ${bound}, ${ends}, ${used}`
}
