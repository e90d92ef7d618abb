import { resolve } from 'node:path'
import type { Command } from 'commander'
import { parseGatewayUrl, tlsOf } from './client/connect.ts'
import {
  type Context,
  type Contexts,
  contextFilePath,
  readContexts,
  requireContext,
  requireContextName,
  writeContexts
} from './client/context-file.ts'
import { HEADERS_OPTION, OUTPUT_OPTION, type OutputOptions, printList, toYaml, type View } from './client/output.ts'
import { forOutput } from './client/terminal.ts'
import type { Environment } from './environment.ts'
import { usageError } from './exit-code.ts'

interface SetOptions {
  readonly gateway?: string
  readonly namespace?: string
  readonly caFile?: string
  readonly tokenFile?: string
}

interface Row {
  readonly name: string
  readonly current: boolean
  readonly gateway: string
  readonly namespace?: string
  readonly credentials: 'token' | 'token file' | 'none'
}

const VIEW: View<Row> = {
  columns: [
    { header: 'CURRENT', value: ({ current }) => (current ? '*' : ' ') },
    { header: 'NAME', value: ({ name }) => name },
    { header: 'GATEWAY', value: ({ gateway }) => gateway },
    { header: 'NAMESPACE', value: ({ namespace }) => namespace },
    { header: 'CREDENTIALS', value: ({ credentials }) => credentials }
  ],
  name: ({ name }) => name,
  none: 'there are no contexts: "docker-faas login" makes one'
}

/** `docker-faas config`: the gateways that the user works with. */
export function addConfig(program: Command, environment: Environment): void {
  const config = program
    .command('config')
    .description('look at and change the contexts: gateways, and as whom to speak to them')
    .addHelpText(
      'after',
      '\nThey are kept in DOCKER_FAAS_CONFIG, else ~/.config/docker-faas/config.yaml. See docs/cli.md.'
    )
  config
    .command('get-contexts')
    .description('list the contexts')
    .option(...OUTPUT_OPTION)
    .option(...HEADERS_OPTION)
    .action((options: OutputOptions) => getContexts(environment, options))
  config
    .command('current-context')
    .description('print the name of the current context')
    .action(() => printCurrent(environment))
  config
    .command('use-context')
    .description('make a context the current one')
    .argument('<name>')
    .action((name: string) => useContext(environment, name))
  config
    .command('set-context')
    .description('make a context, or change what the options name of one; "docker-faas login" gives it a token')
    .argument('<name>')
    .option('--gateway <url>', 'its gateway')
    .option('-n, --namespace <namespace>', 'the namespace of commands that name none; an empty one for openfaas-fn')
    .option('--ca-file <path>', 'PEM certificates to trust there; an empty path for those of the system')
    .option('--token-file <path>', 'a file that holds the token, read at each command; an empty path for none')
    .action((name: string, options: SetOptions) => setContext(environment, name, options))
  config
    .command('delete-context')
    .description('forget a context; "docker-faas logout" also revokes its token')
    .argument('<name>')
    .action((name: string) => deleteContext(environment, name))
  config
    .command('view')
    .description('print the contexts as YAML, without tokens')
    .action(() => view(environment))
}

async function getContexts(environment: Environment, options: OutputOptions): Promise<void> {
  const { contexts, currentContext } = await readContexts(environment)
  const rows = Object.entries(contexts).map(([name, { gateway, namespace, token, tokenFile }]): Row => {
    const credentials = tokenFile === undefined ? (token === undefined ? 'none' : 'token') : 'token file'
    return { name, current: name === currentContext, gateway, ...(namespace && { namespace }), credentials }
  })
  await printList(environment, rows, VIEW, options)
}

async function printCurrent(environment: Environment): Promise<void> {
  const { currentContext } = await readContexts(environment)
  if (currentContext === undefined)
    throw usageError('no context is the current one: commands ask the gateway of this machine')
  environment.stdout.write(`${forOutput(currentContext, environment.stdout)}\n`)
}

async function useContext(environment: Environment, name: string): Promise<void> {
  const contexts = await readContexts(environment)
  requireContext(contexts, name)
  await writeContexts(environment.env, { ...contexts, currentContext: name })
  environment.stdout.write(`context ${name} is the current one now\n`)
}

async function setContext(environment: Environment, name: string, options: SetOptions): Promise<void> {
  const { currentContext, contexts } = await readContexts(environment)
  const before = contexts[requireContextName(name)]
  const gateway = options.gateway === undefined ? before?.gateway : parseGatewayUrl(options.gateway, '--gateway')
  if (gateway === undefined) throw usageError(`context ${name} is new: name its gateway with --gateway`)
  if (options.caFile) await tlsOf(options.caFile)
  const { namespace } = options
  // Commands run in other folders.
  const [caFile, tokenFile] = [options.caFile, options.tokenFile].map(path => path && resolve(path))
  // A token is good for one gateway only.
  const kept = before === undefined || before.gateway === gateway ? before : withoutToken(before)
  const changed = withoutEmpty({
    ...kept,
    gateway,
    ...(caFile !== undefined && { caFile }),
    ...(namespace !== undefined && { namespace }),
    ...(tokenFile !== undefined && { tokenFile })
  })
  await writeContexts(environment.env, {
    currentContext: currentContext ?? name,
    contexts: { ...contexts, [name]: changed }
  })
  environment.stdout.write(`context ${name} ${before === undefined ? 'created' : 'changed'}\n`)
}

async function deleteContext(environment: Environment, name: string): Promise<void> {
  const contexts = await readContexts(environment)
  requireContext(contexts, name)
  await writeContexts(environment.env, withoutContext(contexts, name))
  environment.stdout.write(`context ${name} is gone\n`)
}

async function view(environment: Environment): Promise<void> {
  const { env, stdout, stderr } = environment
  const { currentContext, contexts } = await readContexts(environment)
  const hidden = Object.entries(contexts).map(([name, context]) => [
    name,
    context.token === undefined ? context : { ...context, token: 'REDACTED' }
  ])
  stderr.write(`${contextFilePath(env)}:\n`)
  const text = await toYaml({ ...(currentContext && { currentContext }), contexts: Object.fromEntries(hidden) })
  stdout.write(forOutput(text, stdout))
}

/** The contexts but for one; none is the current one when that was it. */
export function withoutContext({ currentContext, contexts }: Contexts, name: string): Contexts {
  const { [name]: _gone, ...rest } = contexts
  return { ...(currentContext !== undefined && currentContext !== name && { currentContext }), contexts: rest }
}

/** What is left of a context without its credentials. */
export function withoutToken({ token: _token, tokenId: _id, tokenFile: _file, ...rest }: Context): Context {
  return rest
}

function withoutEmpty(context: Context): Context {
  return Object.fromEntries(Object.entries(context).filter(([, value]) => value !== '')) as unknown as Context
}
