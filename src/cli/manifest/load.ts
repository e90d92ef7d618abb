import type { Hint } from '../client/connect.ts'
import { terminalSafe } from '../client/terminal.ts'
import type { Environment } from '../environment.ts'
import { usageError } from '../exit-code.ts'
import { type Fault, type ManifestDocument, parseDocuments, throwFaults } from './document.ts'
import { MANIFEST_KINDS, type Manifest, readManifests } from './manifest.ts'
import { readSources } from './source.ts'
import { isStack, readStack } from './stack.ts'

export interface LoadOptions {
  readonly filename: readonly string[]
  readonly recursive?: boolean
  /** Of functions, with `*` for anything. */
  readonly filter?: string
  readonly regex?: string
  /** What commander makes of `--no-envsubst`; true when left out. */
  readonly envsubst?: boolean
  readonly namespace?: string
}

export interface Loaded {
  /** In the order in which they are to be applied. */
  readonly manifests: readonly Manifest[]
  /** `provider.gateway` of the stack files. */
  readonly gateways: readonly Hint[]
}

/**
 * The objects that files want. Throws with all that is wrong with them, each with file, line and column. What a stack file says and
 * nobody reads is told on the standard error.
 */
export async function loadManifests(environment: Environment, options: LoadOptions): Promise<Loaded> {
  const selects = selectorOf(options)
  const sources = await readSources(environment, options.filename, options.recursive ?? false)
  const faults: Fault[] = []
  const all: Manifest[] = []
  const gateways: Hint[] = []
  const documents = (await Promise.all(sources.map(parseDocuments))).flat()
  for (const document of documents) {
    const read = await readDocument(environment, document, { envsubst: options.envsubst ?? true, faults })
    all.push(...read.manifests)
    gateways.push(...read.gateways)
  }
  throwFaults([...faults, ...duplicates(all), ...conflicts(all, options.namespace)])
  const manifests = MANIFEST_KINDS.flatMap(kind =>
    all.filter(manifest => manifest.kind === kind && (kind !== 'Function' || selects(manifest.name)))
  )
  if (manifests.length === 0) {
    throw usageError(all.length === 0 ? 'there is nothing to apply in there' : 'no function of that name is in there')
  }
  return { manifests, gateways }
}

async function readDocument(
  { env, stderr }: Environment,
  document: ManifestDocument,
  { envsubst, faults }: { readonly envsubst: boolean; readonly faults: Fault[] }
): Promise<Loaded> {
  if (document.source.isFound && isForeign(document.toValue())) {
    const at = terminalSafe(document.source.name)
    stderr.write(`${at}: passed over, as it is neither a stack file nor a manifest\n`)
    return { manifests: [], gateways: [] }
  }
  if (!isStack(document)) return { manifests: readManifests(document, faults), gateways: [] }
  const { functions, gateway, unknown } = await readStack(document, envsubst ? env : undefined, faults)
  for (const { at, message } of unknown) stderr.write(`${terminalSafe(`${at}: ${message}`)}\n`)
  const source = `provider.gateway of ${document.source.name}`
  return { manifests: functions, gateways: gateway === undefined ? [] : [{ gateway, source }] }
}

/** Whether nothing in it is of a stack file or a manifest: a folder of functions also has package.json and files of environments. */
function isForeign(value: unknown): boolean {
  const ours = ['functions', 'provider', 'apiVersion', 'kind', 'metadata', 'spec', 'items']
  return typeof value !== 'object' || value === null || !ours.some(key => Object.hasOwn(value, key))
}

/** What faas-cli writes into every new stack file: it names no gateway in particular. */
const USUAL = new Set(['http://127.0.0.1:8080', 'http://localhost:8080'])

/** The gateway that stack files name, for who names none. Throws when they name two. */
export function gatewayHint({ gateways }: Loaded): Hint | undefined {
  const named = gateways.filter(({ gateway }) => !USUAL.has(gateway.replace(/\/+$/, '')))
  const other = named.find(({ gateway }) => gateway !== named[0]?.gateway)
  if (other === undefined) return named[0]
  throw usageError(
    `${named[0]?.source} and ${other.source} name two gateways: apply one at a time, or choose with --gateway`
  )
}

/** The namespace of a function: its own, or that of the command, which goes first for stack files. */
export function namespaceOf(manifest: Manifest, given: string | undefined, fallback: string): string {
  if (manifest.isStack && given !== undefined) return given
  return manifest.namespace ?? given ?? fallback
}

function selectorOf({ filter, regex }: LoadOptions): (name: string) => boolean {
  if (filter !== undefined && regex !== undefined) throw usageError('choose one of --filter and --regex')
  if (regex !== undefined) {
    try {
      const pattern = new RegExp(regex)
      return name => pattern.test(name)
    } catch (err) {
      throw usageError('--regex is no regular expression', { cause: err })
    }
  }
  if (filter === undefined) return () => true
  const pattern = new RegExp(`^${filter.split('*').map(RegExp.escape).join('.*')}$`)
  return name => pattern.test(name)
}

function duplicates(manifests: readonly Manifest[]): Fault[] {
  const seen = new Map<string, Manifest>()
  const faults: Fault[] = []
  for (const manifest of manifests) {
    const { kind, name, namespace = '' } = manifest
    const first = seen.get(`${kind} ${namespace} ${name}`)
    if (first === undefined) seen.set(`${kind} ${namespace} ${name}`, manifest)
    else faults.push({ at: manifest.at(''), message: `${kind} ${name} is there already, at ${first.at('')}` })
  }
  return faults
}

function conflicts(manifests: readonly Manifest[], given: string | undefined): Fault[] {
  return manifests
    .filter(({ isStack: fromStack, namespace }) => !fromStack && given !== undefined && (namespace ?? given) !== given)
    .map(({ at, name, namespace }) => ({
      at: at('metadata.namespace'),
      message: `${name} is to be in ${namespace}, and --namespace says ${given}`
    }))
}
