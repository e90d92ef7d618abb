import type { Command } from 'commander'
import { type ConnectOptions, connect } from '../client/connect.ts'
import { queryOf } from '../client/gateway-client.ts'
import { ALL_NAMESPACES_OPTION, addGatewayOptions, NAMESPACE_OPTION } from '../client/options.ts'
import { HEADERS_OPTION, OUTPUT_OPTION, type OutputOptions, printList, printOne, toJson } from '../client/output.ts'
import { terminalSafe } from '../client/terminal.ts'
import type { Environment } from '../environment.ts'
import { findResource, type ItemList } from './resources.ts'

/** What one kind of thing is called on the command line. */
export interface Noun {
  readonly plural: string
  readonly singular: string
  readonly namespaced: boolean
}

type ListOptions = ConnectOptions & OutputOptions & { readonly allNamespaces?: boolean; readonly json?: boolean }
type DeleteOptions = ConnectOptions & { readonly force?: boolean }

/** Adds `list`; `--json` prints the bare items, as it did before `-o` was there. `isDefault`: it needs not be written. */
export function addList(
  parent: Command,
  environment: Environment,
  noun: Noun,
  { isDefault = false }: { readonly isDefault?: boolean } = {}
): Command {
  const list = parent.command('list', { isDefault }).alias('ls').description(`list ${noun.plural}`)
  if (noun.namespaced) list.option(...NAMESPACE_OPTION).option(...ALL_NAMESPACES_OPTION)
  list.option(...OUTPUT_OPTION).option(...HEADERS_OPTION)
  return addGatewayOptions(list).action((options: ListOptions) => printAll(environment, noun, options))
}

/** Adds `get`. */
export function addGetOne(parent: Command, environment: Environment, noun: Noun): Command {
  const get = parent.command('get').description(`print one of the ${noun.plural}`).argument(`<${noun.singular}>`)
  if (noun.namespaced) get.option(...NAMESPACE_OPTION)
  get.option(...OUTPUT_OPTION).option(...HEADERS_OPTION)
  return addGatewayOptions(get).action(async (name: string, options: ListOptions) => {
    const client = await connect(environment, options)
    const { path, view } = findResource(noun.plural)
    const item = await client.call<object>('GET', pathOf(path, noun, name, client.namespace))
    await printOne(environment, item, view({ allNamespaces: false, now: Date.now() }), options)
  })
}

/** Adds `delete`; it ends with the first that cannot be deleted. */
export function addDeleteSome(parent: Command, environment: Environment, noun: Noun): Command {
  const remove = parent
    .command('delete')
    .alias('rm')
    .description(`delete ${noun.plural} by name`)
    .argument(`<${noun.plural}...>`)
  if (noun.namespaced) remove.option(...NAMESPACE_OPTION)
  return addGatewayOptions(remove).action(async (names: string[], options: DeleteOptions) => {
    const client = await connect(environment, options)
    const { path } = findResource(noun.plural)
    for (const name of names) {
      const force = options.force === true ? true : undefined
      await client.call('DELETE', pathOf(path, noun, name, client.namespace, { force }))
      environment.stdout.write(`${noun.singular}/${terminalSafe(name)} deleted\n`)
    }
  })
}

async function printAll(environment: Environment, noun: Noun, options: ListOptions): Promise<void> {
  const client = await connect(environment, options)
  const { path, view } = findResource(noun.plural)
  const { allNamespaces = false } = options
  const namespace = noun.namespaced && !allNamespaces ? client.namespace : undefined
  const { items } = await client.call<ItemList>('GET', `${path}${queryOf({ namespace })}`)
  if (options.json === true) environment.stdout.write(toJson(items))
  else await printList(environment, items, view({ allNamespaces, now: Date.now() }), options)
}

function pathOf(path: string, { namespaced }: Noun, name: string, namespace: string, query = {}): string {
  return `${path}/${encodeURIComponent(name)}${queryOf({ ...(namespaced ? { namespace } : {}), ...query })}`
}
