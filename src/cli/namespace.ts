import type { Command } from 'commander'
import { QUOTA_ANNOTATIONS } from '../../api/quota.ts'
import { type ConnectOptions, connect } from './client/connect.ts'
import { addGatewayOptions } from './client/options.ts'
import { collect, toCount } from './client/values.ts'
import type { Environment } from './environment.ts'
import { usageError } from './exit-code.ts'
import { addDeleteSome, addGetOne, addList } from './resource/nouns.ts'

interface WriteOptions extends ConnectOptions {
  /** `key=value`, or `key-` to take one away. */
  readonly label: readonly string[]
  readonly annotation: readonly string[]
  readonly maxFunctions?: number
  readonly maxReplicas?: number
  readonly maxMemory?: string
}

type Patch = Record<string, string | null>

const NOUN = { plural: 'namespaces', singular: 'namespace', namespaced: false }

/** `docker-faas namespace`. */
export function addNamespace(program: Command, environment: Environment): void {
  const namespace = program
    .command('namespace')
    .aliases(['namespaces', 'ns'])
    .description('create, list, print, change and delete namespaces, with their labels, annotations and quotas')
  const create = namespace.command('create').description('make a namespace').argument('<name>')
  addWriteOptions(create).action((name: string, options: WriteOptions) => createNamespace(environment, name, options))
  addList(namespace, environment, NOUN)
  addGetOne(namespace, environment, NOUN)
  const update = namespace
    .command('update')
    .description('change what the options name of a namespace; "key-" takes a label or an annotation away')
    .argument('<namespace>')
  addWriteOptions(update).action((name: string, options: WriteOptions) => updateNamespace(environment, name, options))
  addDeleteSome(namespace, environment, NOUN).description('delete namespaces that are empty')
}

function addWriteOptions(command: Command): Command {
  command
    .option('--label <key=value>', 'a label; may be given again', collect, [])
    .option('--annotation <key=value>', 'an annotation; may be given again', collect, [])
    .option('--max-functions <number>', 'quota: most functions', toCount)
    .option('--max-replicas <number>', 'quota: most replicas of all functions together', toCount)
    .option('--max-memory <quantity>', 'quota: most memory of all replicas together, such as 2Gi')
  return addGatewayOptions(command)
}

async function createNamespace(environment: Environment, name: string, options: WriteOptions): Promise<void> {
  const { labels, annotations } = patchOf(options)
  for (const [key, value] of [...Object.entries(labels), ...Object.entries(annotations)]) {
    if (value === null) throw usageError(`there is no ${key} to take away from a new namespace`)
  }
  const client = await connect(environment, options)
  // The route of OpenFaaS refuses one that is there, that of /v1 would change it.
  await client.call('POST', '/system/namespace', { name, labels, annotations })
  environment.stdout.write(`namespace/${name} created\n`)
}

async function updateNamespace(environment: Environment, name: string, options: WriteOptions): Promise<void> {
  const metadata = patchOf(options)
  if (Object.keys({ ...metadata.labels, ...metadata.annotations }).length === 0) {
    throw usageError('say what to change: --label, --annotation, --max-functions, --max-replicas or --max-memory')
  }
  const client = await connect(environment, options)
  await client.call('PATCH', `/v1/namespaces/${encodeURIComponent(name)}`, { metadata })
  environment.stdout.write(`namespace/${name} updated\n`)
}

function patchOf(options: WriteOptions): { labels: Patch; annotations: Patch } {
  const { maxFunctions, maxReplicas, maxMemory } = options
  const quota = [
    [QUOTA_ANNOTATIONS.functions, maxFunctions],
    [QUOTA_ANNOTATIONS.replicas, maxReplicas],
    [QUOTA_ANNOTATIONS.memory, maxMemory]
  ].flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]]))
  return {
    labels: pairs('--label', options.label),
    annotations: { ...pairs('--annotation', options.annotation), ...Object.fromEntries(quota) }
  }
}

function pairs(option: string, texts: readonly string[]): Patch {
  return Object.fromEntries(
    texts.map(text => {
      const [, key, value, removed] = /^([^=]+?)(?:=(.*)|(-))$/s.exec(text) ?? []
      if (key === undefined) throw usageError(`${option} must be key=value or key-, not ${JSON.stringify(text)}`)
      return [key, removed === undefined ? (value ?? '') : null]
    })
  )
}
