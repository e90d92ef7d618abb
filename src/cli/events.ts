import type { Command } from 'commander'
import type { EventList, FaasEvent } from '../../api/event.ts'
import { formatAge } from './client/age.ts'
import { type ConnectOptions, connect } from './client/connect.ts'
import { write } from './client/copy.ts'
import { parseFunctionName } from './client/function-name.ts'
import { type GatewayClient, queryOf } from './client/gateway-client.ts'
import { ALL_NAMESPACES_OPTION, addGatewayOptions, NAMESPACE_OPTION } from './client/options.ts'
import { formatOf, HEADERS_OPTION, OUTPUT_OPTION, type OutputOptions, printList, type View } from './client/output.ts'
import { GatewayError } from './client/problem.ts'
import { createPaint, terminalSafe, terminalSafeJson } from './client/terminal.ts'
import { toInstant } from './client/time.ts'
import { toCount } from './client/values.ts'
import { watchFrom } from './client/watch.ts'
import type { Environment } from './environment.ts'
import { usageError } from './exit-code.ts'

interface EventsOptions extends ConnectOptions, OutputOptions {
  readonly allNamespaces: boolean
  readonly watch: boolean
  /** RFC 3339. */
  readonly since?: string
  readonly reason?: string
  readonly type?: string
  readonly limit: number
}

const PATH = '/v1/events'
const GONE = 410

/** `docker-faas events`. */
export function addEvents(program: Command, environment: Environment): void {
  const command = program
    .command('events')
    .description('print what happened to functions, the oldest first')
    .argument('[function]', 'NAME or NAME.NAMESPACE; all of the namespace when left out')
    .option('-w, --watch', 'go on with what happens, over restarts of the gateway', false)
    .option(...ALL_NAMESPACES_OPTION)
    .option('--since <time>', 'nothing that was last seen before: RFC 3339, or a duration such as 5m', toInstant)
    .option('--reason <reason>', 'those with this reason, such as OOMKilled')
    .option('--type <type>', 'Normal or Warning')
    .option('--limit <number>', 'most events of the past', toCount, 100)
    .option(...OUTPUT_OPTION)
    .option(...HEADERS_OPTION)
    .option(...NAMESPACE_OPTION)
  addGatewayOptions(command).action((name: string | undefined, options: EventsOptions) =>
    printEvents(environment, name, options)
  )
}

async function printEvents(environment: Environment, named: string | undefined, options: EventsOptions): Promise<void> {
  const format = formatOf(options)
  if (options.watch && !['table', 'wide', 'json'].includes(format)) throw usageError('--watch prints a table, or json')
  const client = await connect(environment, options)
  const query = queryFor(client, named, options)
  const list = () => client.call<EventList>('GET', `${PATH}${queryOf({ ...query, limit: options.limit })}`)
  const first = await list()
  const past = first.items.toReversed()
  if (!options.watch) return await printList(environment, past, viewOf(options), options)
  const print = lineWriter(environment, format === 'json', options)
  if (format !== 'json' && options.headers !== false) await print.headers()
  for (const event of past) await print.event(event)
  await follow(environment, client, { query, list, since: first.metadata.resourceVersion }, print.event)
}

interface Followed {
  readonly query: Readonly<Record<string, string | undefined>>
  readonly list: () => Promise<EventList>
  readonly since: number
}

async function follow(
  environment: Environment,
  client: GatewayClient,
  { query, list, since }: Followed,
  print: (event: FaasEvent) => Promise<void>
): Promise<void> {
  for (let from = since; ; ) {
    const versionOf = ({ resourceVersion }: FaasEvent) => resourceVersion
    try {
      const changes = watchFrom<FaasEvent>(environment, client, { path: PATH, query, since: from, versionOf })
      for await (const { object } of changes) await print(object)
      return
    } catch (err) {
      if (!(err instanceof GatewayError) || err.status !== GONE) throw err
      environment.stderr.write('the gateway has an older database than before: going on with what happens now\n')
      from = (await list()).metadata.resourceVersion
    }
  }
}

function queryFor(client: GatewayClient, named: string | undefined, options: EventsOptions): Followed['query'] {
  const { namespace, allNamespaces, reason, type, since } = options
  if (allNamespaces && (named !== undefined || namespace !== undefined)) {
    throw usageError('-A goes neither with a function nor with --namespace')
  }
  const common = { reason, type, since }
  if (allNamespaces) return common
  if (named === undefined) return { namespace: client.namespace, ...common }
  const name = parseFunctionName(named, { given: namespace, fallback: client.namespace })
  return { namespace: name.namespace, function: name.name, ...common }
}

function viewOf({ allNamespaces }: Pick<EventsOptions, 'allNamespaces'>): View<FaasEvent> {
  return {
    columns: [
      { header: 'LAST SEEN', value: ({ lastAt }) => formatAge(lastAt, Date.now()) },
      { header: 'TYPE', value: ({ type }) => type, style: styleOf },
      { header: 'REASON', value: ({ reason }) => reason },
      ...(allNamespaces ? [{ header: 'NAMESPACE', value: ({ namespace }: FaasEvent) => namespace }] : []),
      { header: 'FUNCTION', value: ({ name }) => name },
      { header: 'COUNT', value: ({ count }) => count },
      { header: 'FIRST SEEN', value: ({ firstAt }) => formatAge(firstAt, Date.now()), wide: true },
      { header: 'MESSAGE', value: ({ message }) => message }
    ],
    name: ({ id }) => `event/${id}`,
    none: 'there are no such events'
  }
}

function styleOf({ type }: FaasEvent) {
  return type === 'Warning' ? ('yellow' as const) : undefined
}

/** Widths of all but the last column of a watch, whose rows come one by one: longer cells move what follows. */
const WIDTHS = [20, 8, 18, 26, 5]

/** Rows with the time at which each was seen last, as an age would be wrong a second later. */
function lineWriter({ env, stdout }: Environment, asJson: boolean, { allNamespaces }: EventsOptions) {
  const paint = createPaint(env, stdout)
  const row = (cells: readonly string[], style?: ReturnType<typeof styleOf> | 'bold') => {
    const padded = cells.map((cell, index) => terminalSafe(cell).padEnd(WIDTHS[index] ?? 0))
    return write(stdout, `${paint(style, padded.join('  ').trimEnd())}\n`)
  }
  const event = (event: FaasEvent) => {
    if (asJson) return write(stdout, `${terminalSafeJson(JSON.stringify(event))}\n`)
    const { lastAt, type, reason, namespace, name, count, message } = event
    const who = allNamespaces ? `${name}.${namespace}` : name
    return row([lastAt.replace(/\.\d+Z$/, 'Z'), type, reason, who, String(count), message], styleOf(event))
  }
  return { event, headers: () => row(['LAST SEEN', 'TYPE', 'REASON', 'FUNCTION', 'COUNT', 'MESSAGE'], 'bold') }
}
