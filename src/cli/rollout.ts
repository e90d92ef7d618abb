import type { Command } from 'commander'
import type { FunctionObject, Revision } from '../../api/function.ts'
import { formatAge } from './client/age.ts'
import { type ConnectOptions, connect } from './client/connect.ts'
import { type FunctionName, functionPath, parseFunctionName } from './client/function-name.ts'
import type { GatewayClient } from './client/gateway-client.ts'
import { addGatewayOptions, NAMESPACE_OPTION, timeoutOption, WAIT_OPTION } from './client/options.ts'
import { HEADERS_OPTION, OUTPUT_OPTION, type OutputOptions, printList, printOne, type View } from './client/output.ts'
import { settle } from './client/settle.ts'
import { toCount } from './client/values.ts'
import type { Environment } from './environment.ts'
import { CliError, EXIT } from './exit-code.ts'
import { changedFields } from './revision-changes.ts'

interface ChangeOptions extends ConnectOptions {
  readonly wait: boolean
  readonly timeout: number
}

interface UndoOptions extends ChangeOptions {
  readonly toRevision?: number
}

interface HistoryOptions extends ConnectOptions, OutputOptions {
  readonly revision?: number
}

const TIMEOUT_MS = 300_000

/** `docker-faas rollout`. */
export function addRollout(program: Command, environment: Environment): void {
  const rollout = program
    .command('rollout')
    .description('follow how a function is brought to its spec, look at its revisions, go back to one')
  const status = rollout
    .command('status')
    .description('wait until a function is as its spec says, and show how far it is')
    .argument('<function>', 'NAME or NAME.NAMESPACE')
    .addOption(timeoutOption(TIMEOUT_MS))
    .option(...NAMESPACE_OPTION)
  addGatewayOptions(status).action((name: string, options: ChangeOptions) => printStatus(environment, name, options))
  const history = rollout
    .command('history')
    .description('list the revisions of a function, the oldest first; at most ten are kept')
    .argument('<function>', 'NAME or NAME.NAMESPACE')
    .option('--revision <number>', 'all of this one', toCount)
    .option(...OUTPUT_OPTION)
    .option(...HEADERS_OPTION)
    .option(...NAMESPACE_OPTION)
  addGatewayOptions(history).action((name: string, options: HistoryOptions) => printHistory(environment, name, options))
  const undo = rollout
    .command('undo')
    .description('go back to a revision: spec, labels and annotations of then, as many replicas as now')
    .argument('<function>', 'NAME or NAME.NAMESPACE')
    .option('--to-revision <number>', 'the one before the current when left out', toCount)
  addChange(undo).action((name: string, options: UndoOptions) => rollBack(environment, name, options))
  const restart = rollout
    .command('restart')
    .description('replace every replica, one after the other')
    .argument('<function>', 'NAME or NAME.NAMESPACE')
  addChange(restart).action((name: string, options: ChangeOptions) => restartFunction(environment, name, options))
}

function addChange(command: Command): Command {
  command
    .option(...WAIT_OPTION)
    .addOption(timeoutOption(TIMEOUT_MS))
    .option(...NAMESPACE_OPTION)
  return addGatewayOptions(command)
}

interface Opened {
  readonly client: GatewayClient
  readonly name: FunctionName
}

async function openFunction(environment: Environment, text: string, options: ConnectOptions): Promise<Opened> {
  const client = await connect(environment, options)
  return { client, name: parseFunctionName(text, { given: options.namespace, fallback: client.namespace }) }
}

async function printStatus(environment: Environment, text: string, { timeout, ...options }: ChangeOptions) {
  const { client, name } = await openFunction(environment, text, options)
  const { metadata, status } = await settle(environment, client, name, { timeoutMs: timeout })
  const { readyReplicas } = status
  const count = `${readyReplicas} ${readyReplicas === 1 ? 'replica' : 'replicas'} ready`
  environment.stdout.write(`function/${name.name} is as wanted: generation ${metadata.generation}, ${count}\n`)
}

/** A revision, and what is new in it. */
type Row = Revision & { readonly changed: readonly string[] }

const VIEW: View<Row> = {
  columns: [
    { header: 'REVISION', value: ({ revision }) => revision },
    { header: 'AGE', value: ({ createdAt }) => formatAge(createdAt, Date.now()) },
    { header: 'IMAGE', value: ({ spec }) => spec.image },
    { header: 'CHANGED', value: ({ changed }) => changed.join(', ') }
  ],
  name: ({ revision }) => `revision/${revision}`,
  none: 'there are no revisions'
}

async function printHistory(environment: Environment, text: string, options: HistoryOptions): Promise<void> {
  const { client, name } = await openFunction(environment, text, options)
  const { items } = await client.call<{ readonly items: readonly Revision[] }>('GET', functionPath(name, '/revisions'))
  if (options.revision === undefined) {
    const rows = items.map((item, index): Row => ({ ...item, changed: changedFields(items[index + 1], item) }))
    const isForPeople = ['table', 'wide', undefined].includes(options.output)
    return await printList(
      environment,
      (isForPeople ? rows : items.map(item => item as Row)).toReversed(),
      VIEW,
      options
    )
  }
  const one = items.find(({ revision }) => revision === options.revision)
  if (one === undefined) {
    const kept = items.map(({ revision }) => revision).join(', ')
    throw new CliError(`${name.name} has no revision ${options.revision}; there are ${kept}`, EXIT.notFound)
  }
  await printOne(environment, one as Row, VIEW, { output: 'yaml', ...options })
}

async function rollBack(
  environment: Environment,
  text: string,
  { toRevision, ...options }: UndoOptions
): Promise<void> {
  const { client, name } = await openFunction(environment, text, options)
  const body = toRevision === undefined ? {} : { revision: toRevision }
  const object = await client.call<FunctionObject>('POST', functionPath(name, '/rollback'), body)
  const to = toRevision === undefined ? 'the revision before' : `revision ${toRevision}`
  environment.stdout.write(`function/${name.name} rolled back to ${to}\n`)
  await settleIf(environment, { client, name }, object, options)
}

async function restartFunction(environment: Environment, text: string, options: ChangeOptions): Promise<void> {
  const { client, name } = await openFunction(environment, text, options)
  const object = await client.call<FunctionObject>('POST', functionPath(name, '/restart'))
  environment.stdout.write(`function/${name.name} restarted\n`)
  await settleIf(environment, { client, name }, object, options)
}

async function settleIf(
  environment: Environment,
  { client, name }: Opened,
  { metadata }: FunctionObject,
  { wait, timeout }: ChangeOptions
): Promise<void> {
  if (!wait) return
  await settle(environment, client, name, { timeoutMs: timeout, generation: metadata.generation })
  environment.stdout.write(`function/${name.name} is as wanted\n`)
}
