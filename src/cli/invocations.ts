import type { Command } from 'commander'
import type { InvocationView } from '../../api/invocation.ts'
import { qualifiedName } from '../../api/names.ts'
import { formatAge } from './client/age.ts'
import { type ConnectOptions, connect } from './client/connect.ts'
import { queryOf } from './client/gateway-client.ts'
import { addGatewayOptions } from './client/options.ts'
import { HEADERS_OPTION, OUTPUT_OPTION, type OutputOptions, printList, toJson, type View } from './client/output.ts'
import type { Environment } from './environment.ts'
import { CliError, EXIT, usageError } from './exit-code.ts'

interface Selection extends ConnectOptions {
  readonly function?: string
}

interface ListOptions extends Selection, OutputOptions {
  readonly phase?: string
  readonly callId?: string
  readonly limit?: string
  readonly json: boolean
}

interface DeadOptions extends Selection {
  readonly all: boolean
}

const INVOCATIONS = '/v1/invocations'

/** `docker-faas invocation`: the asynchronous calls of the running gateway. */
export function addInvocations(program: Command, environment: Environment): void {
  const ofFunction = ['--function <name>', 'those of this function'] as const
  const namespace = ['-n, --namespace <namespace>', 'those of this namespace; all when left out'] as const
  const invocations = program
    .command('invocation')
    .alias('invocations')
    .description('list asynchronous calls of the running gateway, put dead letters back and remove them')
    .addHelpText('after', '\nSee docs/async.md.')
  const list = invocations
    .command('list')
    .alias('ls')
    .description('print asynchronous calls, the newest first')
    .option(...ofFunction)
    .option(...namespace)
    .option('--phase <phase>', 'those that are queued, running, reporting, done, dead or cancelled')
    .option('--call-id <id>', 'those with this X-Call-Id')
    .option('--limit <number>', 'most calls; 100 when left out')
    .option(...OUTPUT_OPTION)
    .option(...HEADERS_OPTION)
    .option('--json', 'print JSON, as -o json without the list around it', false)
  addGatewayOptions(list).action((options: ListOptions) => listInvocations(environment, options))
  const get = invocations
    .command('get')
    .description('print all that is known of a call, as JSON')
    .argument('<id>', 'its X-Invocation-Id, or its X-Call-Id: then the newest with that')
  addGatewayOptions(get).action((id: string, options: Selection) => getInvocation(environment, id, options))
  for (const [name, what] of [
    ['requeue', 'carry dead letters out again'],
    ['purge', 'remove dead letters']
  ] as const) {
    const change = invocations
      .command(name)
      .description(what)
      .argument('[id]', 'X-Invocation-Id of one')
      .option(...ofFunction)
      .option(...namespace)
      .option('--all', 'all of them', false)
    addGatewayOptions(change).action((id: string | undefined, options: DeadOptions) =>
      changeDead(environment, name, id, options)
    )
  }
}

async function listInvocations(environment: Environment, options: ListOptions): Promise<void> {
  const { stdout } = environment
  const api = await connect(environment, options)
  const { phase, callId, limit } = options
  const path = INVOCATIONS + queryOf({ ...selectionOf(options), phase, callId, limit })
  const { items } = await api.call<{ readonly items: readonly InvocationView[] }>('GET', path)
  if (options.json) stdout.write(toJson(items))
  else await printList(environment, items, viewAt(Date.now()), options)
}

async function getInvocation(environment: Environment, id: string, options: Selection): Promise<void> {
  const api = await connect(environment, options)
  const byId = await api.find<InvocationView>(`${INVOCATIONS}/${encodeURIComponent(id)}`)
  // What a caller has in hand, and what "invoke --async" prints, is the X-Call-Id.
  const byCall = async () =>
    await api.call<{ readonly items: readonly InvocationView[] }>(
      'GET',
      INVOCATIONS + queryOf({ callId: id, limit: 1 })
    )
  const call = byId ?? (await byCall()).items[0]
  if (call === undefined) throw new CliError(`there is no call ${id}, or it is no longer remembered`, EXIT.notFound)
  environment.stdout.write(toJson(call))
}

async function changeDead(
  environment: Environment,
  what: 'requeue' | 'purge',
  id: string | undefined,
  options: DeadOptions
): Promise<void> {
  const named = [id, options.function, options.namespace].filter(value => value !== undefined)
  if (named.length === 0 && !options.all) throw usageError('say which: an id, --function, --namespace or --all')
  const api = await connect(environment, options)
  const at = id === undefined ? '' : `/${encodeURIComponent(id)}`
  const path = what === 'requeue' ? `${INVOCATIONS}${at}/requeue` : `${INVOCATIONS}${at}`
  const query = id === undefined ? queryOf(selectionOf(options)) : ''
  const answer = await api.call<{ requeued?: number; purged?: number } | undefined>(
    what === 'requeue' ? 'POST' : 'DELETE',
    path + query
  )
  const { requeued, purged } = answer ?? {}
  const count = id === undefined ? (requeued ?? purged ?? 0) : 1
  environment.stdout.write(
    `${what === 'requeue' ? 'put back' : 'removed'} ${count} ${count === 1 ? 'dead letter' : 'dead letters'}\n`
  )
}

function selectionOf({ function: name, namespace }: Selection) {
  return { function: name, namespace }
}

function viewAt(now: number): View<InvocationView> {
  return {
    columns: [
      { header: 'ID', value: ({ id }) => id, whole: true },
      { header: 'FUNCTION', value: ({ namespace, name }) => qualifiedName({ namespace, name }), whole: true },
      { header: 'PHASE', value: ({ phase }) => phase },
      { header: 'REASON', value: ({ reason }) => reason },
      { header: 'ATTEMPTS', value: ({ attempts }) => attempts },
      { header: 'ANSWER', value: ({ status }) => status },
      { header: 'CALLBACK', value: ({ callback }) => callback?.state },
      { header: 'AGE', value: ({ acceptedAt }) => formatAge(acceptedAt, now) },
      { header: 'CALL ID', value: ({ callId }) => callId, wide: true },
      { header: 'METHOD', value: ({ method }) => method, wide: true },
      { header: 'PATH', value: ({ path }) => path, wide: true },
      { header: 'DUE', value: ({ dueAt }) => dueAt, wide: true }
    ],
    name: ({ id }) => `invocation/${id}`,
    none: 'there are no such calls'
  }
}
