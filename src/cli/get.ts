import type { Command } from 'commander'
import type { FunctionObject } from '../../api/function.ts'
import { type ConnectOptions, connect } from './client/connect.ts'
import { parseFunctionName } from './client/function-name.ts'
import { type GatewayClient, queryOf } from './client/gateway-client.ts'
import { addGatewayOptions, NAMESPACE_OPTION } from './client/options.ts'
import {
  formatOf,
  HEADERS_OPTION,
  OUTPUT_OPTION,
  type OutputOptions,
  printList,
  printOne,
  tableWidth,
  toYaml,
  type View
} from './client/output.ts'
import { formatTable } from './client/table.ts'
import { createPaint, forOutput, terminalSafe, terminalSafeJson } from './client/terminal.ts'
import type { Environment } from './environment.ts'
import { usageError } from './exit-code.ts'
import type { ItemList, Resource } from './resource/resources.ts'

interface GetOptions extends ConnectOptions, OutputOptions {
  readonly allNamespaces: boolean
  readonly selector?: string
  readonly watch: boolean
}

/** `docker-faas get`. */
export function addGet(program: Command, environment: Environment): void {
  const get = program
    .command('get')
    .description('list what a gateway has, or some of it by name')
    .argument(
      '<what>',
      'functions, namespaces, profiles, secrets, schedules, tokens; or what and a name: function/hello'
    )
    .argument('[names...]', 'these only')
    .option(...NAMESPACE_OPTION)
    .option('-A, --all-namespaces', 'of all namespaces', false)
    .option('-l, --selector <labels>', 'those with these labels: a=b, a!=b, "a in (x,y)", a, !a, joined by commas')
    .option('-w, --watch', 'of functions: go on and print what changes', false)
    .option(...OUTPUT_OPTION)
    .option(...HEADERS_OPTION)
  addGatewayOptions(get).action((what: string, names: string[], options: GetOptions) =>
    getResources(environment, what, names, options)
  )
}

async function getResources(
  environment: Environment,
  what: string,
  given: readonly string[],
  options: GetOptions
): Promise<void> {
  formatOf(options)
  const [word = '', ...rest] = what.split('/')
  const { findResource } = await import('./resource/resources.ts')
  const resource = findResource(word)
  const names = [...(rest.length > 0 ? [rest.join('/')] : []), ...given]
  requireSense(resource, names, options)
  const client = await connect(environment, options)
  const view = resource.view({ allNamespaces: options.allNamespaces, now: Date.now() })
  if (names.length > 0) {
    const items: object[] = []
    for (const name of names) items.push(await client.call<object>('GET', pathOf(resource, name, client, options)))
    const [item] = items
    if (items.length === 1 && item !== undefined) await printOne(environment, item, view, options)
    else await printList(environment, items, view, options)
    return
  }
  const namespace = resource.namespaced && !options.allNamespaces ? client.namespace : undefined
  const query = { namespace, labelSelector: options.selector }
  const { items, metadata } = await client.call<ItemList>('GET', resource.path + queryOf(query))
  if (options.watch) {
    const since = metadata?.resourceVersion ?? 0
    await watchFunctions(environment, client, { view, query, since, items: items as FunctionObject[], options })
  } else {
    await printList(environment, items, view, options)
  }
}

function requireSense(resource: Resource, names: readonly string[], options: GetOptions): void {
  if (names.length > 0 && (options.allNamespaces || options.selector !== undefined)) {
    throw usageError('choose by name, or with -A and -l')
  }
  if (options.selector !== undefined && !resource.selectable) throw usageError(`${resource.plural} have no labels: -l`)
  if (options.watch && (resource.plural !== 'functions' || names.length > 0)) {
    throw usageError('--watch is for lists of functions')
  }
  if (options.allNamespaces && options.namespace !== undefined) throw usageError('choose one of -A and -n')
}

function pathOf(resource: Resource, name: string, client: GatewayClient, options: GetOptions): string {
  if (resource.plural === 'schedules')
    throw usageError('schedules have no names: leave it out, or describe the function')
  if (resource.plural !== 'functions') {
    const namespace = resource.namespaced ? client.namespace : undefined
    return `${resource.path}/${encodeURIComponent(name)}${queryOf({ namespace })}`
  }
  const parsed = parseFunctionName(name, { given: options.namespace, fallback: client.namespace })
  return `${resource.path}/${encodeURIComponent(parsed.name)}${queryOf({ namespace: parsed.namespace })}`
}

interface Watch {
  readonly view: View<FunctionObject>
  readonly query: Parameters<typeof queryOf>[0]
  readonly since: number
  readonly items: readonly FunctionObject[]
  readonly options: GetOptions
}

/** Prints what is there, and then each change as it comes, until the process is ended. */
async function watchFunctions(environment: Environment, client: GatewayClient, watch: Watch): Promise<void> {
  const { env, stdout } = environment
  const { view, items, options } = watch
  const format = formatOf(options)
  const wide = format === 'wide'
  const layout = { wide, paint: createPaint(env, stdout), widths: [] as number[], width: tableWidth(stdout, format) }
  const print = async (type: string, objects: readonly FunctionObject[], headers = false) => {
    if (format === 'table' || format === 'wide') {
      stdout.write(
        await formatTable(objects, view.columns, { ...layout, headers: headers && (options.headers ?? true) })
      )
      return
    }
    for (const object of objects) {
      if (format === 'name') stdout.write(`${terminalSafe(view.name(object))}\n`)
      else if (format === 'json') stdout.write(`${terminalSafeJson(JSON.stringify({ type, object }))}\n`)
      else stdout.write(forOutput(`---\n${await toYaml({ type, object })}`, stdout))
    }
  }
  await print('ADDED', items, true)
  const { watchFrom } = await import('./client/watch.ts')
  const versionOf = ({ metadata }: FunctionObject) => metadata.resourceVersion
  const { since, query } = watch
  const request = { path: '/v1/functions', query, since, versionOf }
  for await (const { type, object } of watchFrom<FunctionObject>(environment, client, request)) {
    await print(type, [object])
  }
}
