import type { Command } from 'commander'
import type { FunctionUsageItem } from '../../api/usage.ts'
import { type ConnectOptions, connect } from './client/connect.ts'
import { queryOf } from './client/gateway-client.ts'
import { ALL_NAMESPACES_OPTION, addGatewayOptions, NAMESPACE_OPTION } from './client/options.ts'
import { HEADERS_OPTION, OUTPUT_OPTION, type OutputOptions, printList, type View } from './client/output.ts'
import type { Environment } from './environment.ts'
import { usageError } from './exit-code.ts'

interface TopOptions extends ConnectOptions, OutputOptions {
  readonly allNamespaces: boolean
  readonly sort: string
  readonly selector?: string
}

const MIB = 2 ** 20

/** What rows may be sorted by; numbers the largest first, what cannot be read last. */
const SORTS = {
  cpu: ({ usage }: FunctionUsageItem) => usage?.cpuMillicores ?? -1,
  memory: ({ usage }: FunctionUsageItem) => usage?.memoryBytes ?? -1,
  calls: ({ invocationCount }: FunctionUsageItem) => invocationCount,
  inflight: ({ inflight }: FunctionUsageItem) => inflight,
  name: () => 0
} as const

/** `docker-faas top`. */
export function addTop(program: Command, environment: Environment): void {
  const command = program
    .command('top')
    .description('print what functions use of CPU and memory, all of their replicas together, and how they are called')
    .argument('[what]', 'functions', 'functions')
    .option('--sort <column>', `by ${Object.keys(SORTS).join(', ')}`, 'cpu')
    .option('-l, --selector <selector>', 'functions with these labels: a=b, a!=b, a in (x,y), a, !a')
    .option(...ALL_NAMESPACES_OPTION)
    .option(...OUTPUT_OPTION)
    .option(...HEADERS_OPTION)
    .option(...NAMESPACE_OPTION)
  addGatewayOptions(command).action((what: string, options: TopOptions) => printTop(environment, what, options))
}

async function printTop(environment: Environment, what: string, options: TopOptions): Promise<void> {
  if (!['function', 'functions', 'fn'].includes(what)) throw usageError('top prints functions, and nothing else yet')
  const by = Object.hasOwn(SORTS, options.sort) ? SORTS[options.sort as keyof typeof SORTS] : undefined
  if (by === undefined) throw usageError(`--sort must be one of ${Object.keys(SORTS).join(', ')}`)
  const client = await connect(environment, options)
  const { allNamespaces, selector: labelSelector } = options
  const namespace = allNamespaces ? undefined : client.namespace
  const path = `/v1/usage${queryOf({ namespace, labelSelector })}`
  const { items } = await client.call<{ readonly items: readonly FunctionUsageItem[] }>('GET', path)
  const sorted = items.toSorted((a, b) => by(b) - by(a) || nameOf(a).localeCompare(nameOf(b)))
  await printList(environment, sorted, viewOf(options), options)
}

function viewOf({ allNamespaces }: TopOptions): View<FunctionUsageItem> {
  return {
    columns: [
      ...(allNamespaces
        ? [{ header: 'NAMESPACE', value: ({ metadata }: FunctionUsageItem) => metadata.namespace }]
        : []),
      { header: 'NAME', value: ({ metadata }) => metadata.name },
      { header: 'CPU', value: ({ usage }) => usage && `${Math.ceil(usage.cpuMillicores)}m` },
      { header: 'MEMORY', value: ({ usage }) => usage && `${Math.ceil(usage.memoryBytes / MIB)}Mi` },
      { header: 'READY', value: ({ readyReplicas, replicas }) => `${readyReplicas}/${replicas}` },
      { header: 'CALLS', value: ({ invocationCount }) => invocationCount },
      { header: 'INFLIGHT', value: ({ inflight }) => inflight }
    ],
    name: ({ metadata }) => `function/${metadata.name}.${metadata.namespace}`,
    none: 'there are no functions'
  }
}

function nameOf({ metadata }: FunctionUsageItem): string {
  return `${metadata.namespace}/${metadata.name}`
}
