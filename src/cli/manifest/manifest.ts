import type { Fault, ManifestDocument } from './document.ts'

/** Kinds that can be applied, in the order in which they are: what others need comes first. */
export const MANIFEST_KINDS = ['Namespace', 'Profile', 'Function'] as const
export type ManifestKind = (typeof MANIFEST_KINDS)[number]

/** One object that is wanted. */
export interface Manifest {
  readonly kind: ManifestKind
  readonly name: string
  /** Of a function that names one. */
  readonly namespace?: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  /** What there is beside the metadata, as the API takes it: `spec` of a function. */
  readonly body: Readonly<Record<string, unknown>>
  /** Whether `--namespace` goes before the one that it names, as `faas-cli` has it for stack files. */
  readonly isStack: boolean
  /** Where a field of the API was written: `stack.yml:3:5`. */
  readonly at: (field: string) => string
}

/** Fields of metadata that the server alone writes: what was read can be applied, and does not ask for an old version. */
const META_FIELDS: ReadonlySet<string> = new Set([
  ...['name', 'namespace', 'labels', 'annotations'],
  ...['uid', 'generation', 'resourceVersion', 'createdAt', 'updatedAt', 'deletionRequestedAt']
])
/** The same beside metadata. */
const SERVER_FIELDS: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata', 'status', 'scale'])

/** The objects of a document with `kind`, or of a list of such. */
export function readManifests(document: ManifestDocument, faults: Fault[]): Manifest[] {
  return readObject(document, document.toValue(), [], faults)
}

function readObject(document: ManifestDocument, value: unknown, path: readonly string[], faults: Fault[]): Manifest[] {
  const fault = (field: readonly string[], message: string) => {
    faults.push({ at: document.at([...path, ...field]), message })
    return []
  }
  if (!isRecord(value)) return fault([], 'must be an object with apiVersion, kind and metadata, or a stack file')
  const { kind, items, apiVersion } = value
  if (typeof kind === 'string' && kind.endsWith('List')) {
    if (!Array.isArray(items)) return fault([], `a ${kind} must have items`)
    return items.flatMap((item, index) => readObject(document, item, [...path, 'items', String(index)], faults))
  }
  const known = MANIFEST_KINDS.find(name => name === kind)
  if (known === undefined) {
    const what =
      kind === undefined ? 'has neither functions (a stack file) nor a kind' : `kind ${String(kind)}: is not known`
    return fault(kind === undefined ? [] : ['kind'], `${what}; kinds are ${MANIFEST_KINDS.join(', ')}`)
  }
  if (apiVersion !== undefined && apiVersion !== 'v1') return fault(['apiVersion'], 'apiVersion must be v1')
  const { metadata } = value
  if (!isRecord(metadata) || typeof metadata['name'] !== 'string')
    return fault(['metadata'], 'metadata.name is required')
  return readKnown(document, known, { ...value, metadata }, path, fault)
}

function readKnown(
  document: ManifestDocument,
  kind: ManifestKind,
  value: Record<string, unknown> & { metadata: Record<string, unknown> },
  path: readonly string[],
  fault: (field: readonly string[], message: string) => never[]
): Manifest[] {
  const { name, namespace, labels, annotations } = value.metadata
  const unknown = Object.keys(value.metadata).find(field => !META_FIELDS.has(field))
  if (unknown !== undefined) return fault(['metadata', unknown], `metadata.${unknown} is not known`)
  if (namespace !== undefined && typeof namespace !== 'string') {
    return fault(['metadata', 'namespace'], 'metadata.namespace must be text')
  }
  if (kind !== 'Function' && namespace !== undefined) {
    return fault(['metadata', 'namespace'], `a ${kind} is in no namespace`)
  }
  for (const [field, given] of Object.entries({ labels, annotations })) {
    const wrong = faultOfTexts(given)
    if (wrong !== undefined) return fault(['metadata', field, ...wrong.path], `metadata.${field}${wrong.message}`)
  }
  const body = Object.fromEntries(Object.entries(value).filter(([field]) => !SERVER_FIELDS.has(field)))
  return [
    {
      ...{ kind, name: String(name), body, isStack: false },
      ...(namespace === undefined ? {} : { namespace }),
      labels: (labels ?? {}) as Record<string, string>,
      annotations: (annotations ?? {}) as Record<string, string>,
      at: field => document.at([...path, ...field.split('.')])
    }
  ]
}

/** What is wrong with a map of text to text; nothing is wrong with none. */
function faultOfTexts(value: unknown): { path: string[]; message: string } | undefined {
  if (value === undefined || value === null) return undefined
  if (!isRecord(value)) return { path: [], message: ' must be names and their values' }
  const [key] = Object.entries(value).find(([, text]) => typeof text !== 'string') ?? []
  return key === undefined ? undefined : { path: [key], message: `.${key} must be text: put it in quotes` }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
