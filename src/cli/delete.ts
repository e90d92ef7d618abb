import type { Command } from 'commander'
import { type ConnectOptions, connect } from './client/connect.ts'
import { type FunctionName, parseFunctionName } from './client/function-name.ts'
import { type GatewayClient, queryOf } from './client/gateway-client.ts'
import { isAgreed } from './client/input.ts'
import { addGatewayOptions, NAMESPACE_OPTION, timeoutOption } from './client/options.ts'
import { terminalSafe, terminalSafeLines } from './client/terminal.ts'
import type { Environment } from './environment.ts'
import { CliError, EXIT, usageError } from './exit-code.ts'
import type { Loaded, LoadOptions } from './manifest/load.ts'
import { addManifestOptions } from './manifest/options.ts'
import type { Leaving } from './resource/ready.ts'
import type { ItemList, Resource } from './resource/resources.ts'

interface DeleteOptions extends ConnectOptions, Omit<LoadOptions, 'filename'> {
  readonly filename?: readonly string[]
  readonly selector?: string
  readonly all: boolean
  readonly yes: boolean
  readonly ignoreNotFound: boolean
  readonly wait: boolean
  /** Milliseconds. */
  readonly timeout: number
}

interface Target {
  /** As it was named, for people. */
  readonly title: string
  readonly path: string
  /** Absent for what is gone at once. */
  readonly fn?: FunctionName
}

/** `docker-faas delete`. */
export function addDelete(program: Command, environment: Environment): void {
  const remove = program
    .command('delete')
    .description('delete by name, by labels, or what files name, and wait until it is gone')
    .argument('[what]', 'functions, namespaces, profiles, secrets, tokens; or what and a name: function/hello')
    .argument('[names...]', 'their names')
  addManifestOptions(remove, false)
    .option(...NAMESPACE_OPTION)
    .option('-l, --selector <labels>', 'functions of the namespace with these labels; asks first')
    .option('--all', 'all functions of the namespace; asks first', false)
    .option('-y, --yes', 'do not ask', false)
    .option('--ignore-not-found', 'what is not there is no failure', false)
    .option('--no-wait', 'only ask for the deletion')
    .addOption(timeoutOption(300_000))
  addGatewayOptions(remove).action((what: string | undefined, names: string[], options: DeleteOptions) =>
    deleteAll(environment, what === undefined ? [] : [what, ...names], options)
  )
}

async function deleteAll(environment: Environment, words: readonly string[], options: DeleteOptions): Promise<void> {
  const isChosen = options.selector !== undefined || options.all
  const ways = [options.filename !== undefined, words.length > 0].filter(Boolean).length
  if (ways !== 1) throw usageError('say what to delete: what and names, what with -l or --all, or -f')
  if (isChosen && options.filename !== undefined) throw usageError('choose one of -f, and -l or --all')
  const { client, targets } =
    options.filename === undefined
      ? await fromWords(environment, words, options)
      : await fromFiles(environment, { ...options, filename: options.filename })
  if (targets.length === 0) {
    environment.stderr.write('nothing to delete\n')
    return
  }
  if (isChosen) await requireConsent(environment, targets, options)
  // What is in something goes before it: a namespace must be empty.
  for (const group of Object.values(Object.groupBy(targets, ({ title }) => title.split('/')[0] ?? ''))) {
    const leaving = await askDeletion(environment, client, group ?? [], options)
    if (!options.wait) continue
    const { waitGone } = await import('./resource/ready.ts')
    await waitGone(environment, client, leaving, options.timeout)
  }
}

async function fromFiles(environment: Environment, options: DeleteOptions & LoadOptions) {
  const { loadManifests, gatewayHint } = await import('./manifest/load.ts')
  const loaded: Loaded = await loadManifests(environment, options)
  const client = await connect(environment, options, () => gatewayHint(loaded))
  const { ManifestClient } = await import('./manifest/send.ts')
  const manifests = new ManifestClient(client, { given: options.namespace })
  // The other way round than they are applied.
  const targets = [...loaded.manifests].reverse().map((manifest): Target => {
    const { kind, name } = manifest
    const fn = kind === 'Function' ? { fn: { name, namespace: manifests.namespaceOf(manifest) } } : {}
    return { title: manifests.nameOf(manifest), path: manifests.pathOf(manifest), ...fn }
  })
  return { client, targets }
}

async function fromWords(environment: Environment, words: readonly string[], options: DeleteOptions) {
  const { findResource } = await import('./resource/resources.ts')
  const [first = '', ...rest] = words
  const [word = '', ...name] = first.split('/')
  const resource = findResource(word)
  if (resource.plural === 'schedules') throw usageError('schedules are annotations of functions: apply one without')
  const names = [...(name.length > 0 ? [name.join('/')] : []), ...rest]
  if (options.selector === undefined && !options.all) {
    if (names.length === 0) throw usageError('say which: names, -l or --all')
    const client = await connect(environment, options)
    return { client, targets: names.map(text => targetOf(resource, text, client, options)) }
  }
  if (names.length > 0) throw usageError('choose by name, or with -l or --all')
  if (resource.plural !== 'functions') throw usageError('-l and --all are for functions')
  const client = await connect(environment, options)
  const query = queryOf({ namespace: client.namespace, labelSelector: options.selector })
  const { items } = await client.call<ItemList<{ metadata: { name: string } }>>('GET', resource.path + query)
  return { client, targets: items.map(({ metadata }) => targetOf(resource, metadata.name, client, options)) }
}

function targetOf(
  resource: Resource,
  text: string,
  client: GatewayClient,
  { namespace: given }: DeleteOptions
): Target {
  const [kind = resource.plural] = resource.aliases
  if (resource.plural !== 'functions') {
    const namespace = resource.namespaced ? client.namespace : undefined
    return { title: `${kind}/${text}`, path: `${resource.path}/${encodeURIComponent(text)}${queryOf({ namespace })}` }
  }
  const { name, namespace } = parseFunctionName(text, { given, fallback: client.namespace })
  const suffix = namespace === 'openfaas-fn' ? '' : `.${namespace}`
  return {
    title: `${kind}/${name}${suffix}`,
    path: `${resource.path}/${encodeURIComponent(name)}${queryOf({ namespace })}`,
    fn: { name, namespace }
  }
}

/** Throws unless somebody at the terminal, or `--yes`, says that all of them may go. */
async function requireConsent(
  environment: Environment,
  targets: readonly Target[],
  { yes }: DeleteOptions
): Promise<void> {
  if (yes) return
  const { stdin, stderr } = environment
  const list = targets.map(({ title }) => `  ${terminalSafe(title)}\n`).join('')
  if (stdin.isTTY !== true) throw usageError(`this would delete the following; say --yes for that:\n${list.trimEnd()}`)
  stderr.write(list)
  if (await isAgreed(environment, `Delete ${targets.length === 1 ? 'it' : `these ${targets.length}`}?`)) return
  throw new CliError('nothing was deleted')
}

async function askDeletion(
  { stdout, stderr }: Environment,
  client: GatewayClient,
  targets: readonly Target[],
  { ignoreNotFound, wait }: DeleteOptions
): Promise<Leaving[]> {
  const leaving: Leaving[] = []
  const failures: CliError[] = []
  for (const { title, path, fn } of targets) {
    const result = await askOne(client, path)
    if (!(result instanceof CliError)) {
      if (result !== undefined && fn !== undefined) leaving.push({ ...fn, uid: result })
      stdout.write(`${terminalSafe(title)} ${result === undefined || wait ? 'deleted' : 'is being deleted'}\n`)
    } else if (result.exitCode !== EXIT.notFound || !ignoreNotFound) {
      stderr.write(`${terminalSafe(title)}: ${terminalSafeLines(result.message)}\n`)
      failures.push(result)
    }
  }
  if (failures.length > 0) throw summaryOf(failures, targets.length)
  return leaving
}

function summaryOf(failures: readonly CliError[], asked: number): CliError {
  const codes = new Set(failures.map(({ exitCode }) => exitCode))
  const [code = EXIT.failed] = codes
  return new CliError(`${failures.length} of ${asked} could not be deleted`, codes.size === 1 ? code : EXIT.failed)
}

/** The uid of what leaves by and by; undefined for what is gone at once; the refusal. */
async function askOne(client: GatewayClient, path: string): Promise<string | undefined | CliError> {
  try {
    const object = await client.call<{ metadata?: { uid?: string } } | undefined>('DELETE', path)
    return object?.metadata?.uid
  } catch (err) {
    if (err instanceof CliError && err.exitCode !== EXIT.unreachable) return err
    throw err
  }
}
