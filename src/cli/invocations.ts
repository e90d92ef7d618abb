import type { Command } from 'commander'
import type { InvocationView } from '../../api/invocation.ts'
import { loadConfig } from '../config/config.ts'
import type { Environment } from './environment.ts'
import { GatewayApi } from './gateway-api.ts'
import { GATEWAY_OPTION } from './gateway-target.ts'

interface Selection {
  /** URL of the gateway; that of the configuration when left out. */
  readonly gateway?: string
  readonly function?: string
  readonly namespace?: string
}

interface ListOptions extends Selection {
  readonly phase?: string
  readonly callId?: string
  readonly limit?: string
  readonly json: boolean
}

interface DeadOptions extends Selection {
  readonly all: boolean
}

const INVOCATIONS = '/v1/invocations'

/** `docker-faas invocations`: the asynchronous calls of the running gateway. */
export function addInvocations(program: Command, environment: Environment): void {
  const ofFunction = ['--function <name>', 'those of this function'] as const
  const namespace = ['--namespace <namespace>', 'those of this namespace; all when left out'] as const
  const invocations = program
    .command('invocations')
    .description('list asynchronous calls of the running gateway, put dead letters back and remove them')
    .addHelpText('after', '\nSee docs/async.md.')
  invocations
    .command('list')
    .description('print asynchronous calls, the newest first')
    .option(...ofFunction)
    .option(...namespace)
    .option('--phase <phase>', 'those that are queued, running, reporting, done, dead or cancelled')
    .option('--call-id <id>', 'those with this X-Call-Id')
    .option('--limit <number>', 'most calls; 100 when left out')
    .option('--json', 'print JSON', false)
    .option(...GATEWAY_OPTION)
    .action((options: ListOptions) => listInvocations(environment, options))
  invocations
    .command('get')
    .description('print all that is known of a call, as JSON')
    .argument('<id>', 'its X-Invocation-Id')
    .option(...GATEWAY_OPTION)
    .action((id: string, options: Selection) => getInvocation(environment, id, options))
  for (const [name, what] of [
    ['requeue', 'carry dead letters out again'],
    ['purge', 'remove dead letters']
  ] as const) {
    invocations
      .command(name)
      .description(what)
      .argument('[id]', 'X-Invocation-Id of one')
      .option(...ofFunction)
      .option(...namespace)
      .option('--all', 'all of them', false)
      .option(...GATEWAY_OPTION)
      .action((id: string | undefined, options: DeadOptions) => changeDead(environment, name, id, options))
  }
}

async function listInvocations({ env, stdout }: Environment, options: ListOptions): Promise<void> {
  const api = await GatewayApi.connect(loadConfig(env), env, options.gateway)
  const { phase, callId, limit } = options
  const path = INVOCATIONS + queryOf({ ...selectionOf(options), phase, callId, limit })
  const { items } = (await api.call('GET', path)) as { readonly items: readonly InvocationView[] }
  if (options.json) stdout.write(`${JSON.stringify(items, null, 2)}\n`)
  else stdout.write(items.length === 0 ? 'there are no such calls\n' : `${items.map(describe).join('\n')}\n`)
}

async function getInvocation({ env, stdout }: Environment, id: string, { gateway }: Selection): Promise<void> {
  const api = await GatewayApi.connect(loadConfig(env), env, gateway)
  stdout.write(`${JSON.stringify(await api.call('GET', `${INVOCATIONS}/${encodeURIComponent(id)}`), null, 2)}\n`)
}

async function changeDead(
  { env, stdout }: Environment,
  what: 'requeue' | 'purge',
  id: string | undefined,
  options: DeadOptions
): Promise<void> {
  const named = [id, options.function, options.namespace].filter(value => value !== undefined)
  if (named.length === 0 && !options.all) throw new Error('say which: an id, --function, --namespace or --all')
  const api = await GatewayApi.connect(loadConfig(env), env, options.gateway)
  const at = id === undefined ? '' : `/${encodeURIComponent(id)}`
  const path = what === 'requeue' ? `${INVOCATIONS}${at}/requeue` : `${INVOCATIONS}${at}`
  const query = id === undefined ? queryOf(selectionOf(options)) : ''
  const answer = await api.call(what === 'requeue' ? 'POST' : 'DELETE', path + query)
  const { requeued, purged } = (answer ?? {}) as { readonly requeued?: number; readonly purged?: number }
  const count = id === undefined ? (requeued ?? purged ?? 0) : 1
  stdout.write(
    `${what === 'requeue' ? 'put back' : 'removed'} ${count} ${count === 1 ? 'dead letter' : 'dead letters'}\n`
  )
}

function selectionOf({ function: name, namespace }: Selection) {
  return { function: name, namespace }
}

function queryOf(values: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`
}

function describe(view: InvocationView): string {
  const { id, namespace, name, phase, reason, attempts, status, acceptedAt, callback } = view
  const answer = status === undefined ? '' : `, answered ${status}`
  const told = callback === undefined ? '' : `, callback ${callback.state}`
  const tried = `${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`
  return `${id} ${namespace}/${name}: ${phase}${reason === undefined ? '' : ` (${reason})`}, ${tried}${answer}${told}, accepted ${acceptedAt}`
}
