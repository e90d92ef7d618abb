import type { Command } from 'commander'
import type { TokenInput, TokenView } from '../../api/token.ts'
import { type ConnectOptions, connect } from './client/connect.ts'
import { addGatewayOptions } from './client/options.ts'
import { toJson } from './client/output.ts'
import { terminalSafe } from './client/terminal.ts'
import type { Environment } from './environment.ts'
import { addGetOne, addList } from './resource/nouns.ts'

interface TokenCreateOptions extends Omit<ConnectOptions, 'namespace'> {
  readonly scope: readonly string[]
  readonly namespace?: readonly string[]
  readonly expiresIn?: string
  readonly json: boolean
}

const TOKENS = '/v1/tokens'
const NOUN = { plural: 'tokens', singular: 'token', namespaced: false }

/** `docker-faas token`. */
export function addToken(program: Command, environment: Environment): void {
  const token = program
    .command('token')
    .alias('tokens')
    .description('create, list and revoke the tokens of the running gateway')
    .addHelpText('after', '\nSee docs/authentication.md.')
  const create = token
    .command('create')
    .description('create a token and print it, this once')
    .argument('<name>', 'what it is for; letters, digits, "-", "_" and "."')
    .requiredOption('--scope <scope...>', 'what it is good for: read, deploy, invoke, secrets, admin')
    .option('--namespace <namespace...>', 'bind it to these namespaces; all when left out')
    .option('--expires-in <duration>', 'how long it is good, such as 720h; until it is revoked when left out')
    .option('--json', 'print JSON', false)
  addGatewayOptions(create).action((name: string, options: TokenCreateOptions) =>
    createToken(environment, name, options)
  )
  addList(token, environment, NOUN).option('--json', 'print JSON, as -o json without the list around it', false)
  addGetOne(token, environment, NOUN)
  const revoke = token
    .command('revoke')
    .aliases(['delete', 'rm'])
    .description('revoke a token at once')
    .argument('<token>', 'its id or its name')
  addGatewayOptions(revoke).action((name: string, options: ConnectOptions) => revokeToken(environment, name, options))
}

/** Has the running gateway create a token. The token alone goes to the standard output, so that it can be put in a variable. */
async function createToken(environment: Environment, name: string, options: TokenCreateOptions): Promise<void> {
  const { stdout, stderr } = environment
  const { scope, namespace, expiresIn, json, ...place } = options
  const api = await connect(environment, place)
  const input = {
    name,
    // As "token list" prints them, too.
    scopes: scope.flatMap(text => text.split(',')) as TokenInput['scopes'],
    ...(namespace === undefined ? {} : { namespaces: [...namespace] }),
    ...(expiresIn === undefined ? {} : { expiresIn })
  } satisfies TokenInput
  const created = await api.call<TokenView & { readonly token: string }>('POST', TOKENS, input)
  if (json) {
    stdout.write(toJson(created))
    return
  }
  stdout.write(`${terminalSafe(created.token)}\n`)
  stderr.write(`${terminalSafe(`created token ${describe(created)}`)}; it is shown this once\n`)
}

/** Has the running gateway revoke the token of that id or name. */
async function revokeToken(environment: Environment, token: string, options: ConnectOptions): Promise<void> {
  const api = await connect(environment, options)
  await api.call('DELETE', `${TOKENS}/${encodeURIComponent(token)}`)
  environment.stdout.write(`revoked ${token}\n`)
}

function describe({ id, kind, name, scopes, namespaces, expiresAt, lastUsedAt }: TokenView): string {
  const bound = namespaces === undefined ? 'all namespaces' : namespaces.join(', ')
  const ends = expiresAt === undefined ? 'does not expire' : `until ${expiresAt}`
  const used = lastUsedAt === undefined ? 'never used' : `last used ${lastUsedAt}`
  return `${name} (${kind} ${id}): ${scopes.join(', ')} in ${bound}, ${ends}, ${used}`
}
