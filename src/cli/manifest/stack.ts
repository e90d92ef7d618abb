import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Fault, ManifestDocument } from './document.ts'
import { isRecord, type Manifest } from './manifest.ts'
import { substitute } from './substitute.ts'

type Texts = Readonly<Record<string, string>>

export interface Stack {
  /** `provider.gateway`. */
  readonly gateway?: string
  readonly functions: readonly Manifest[]
  /** Fields that mean nothing here, and are no mistake of ours to refuse: `faas-cli` ignores them, too. */
  readonly unknown: readonly Fault[]
}

/** Fields of a stack file, and those of the API that they become; none for what only builds images. Source: faas-cli, stack/schema.go. */
const FIELDS: Readonly<Record<string, string>> = {
  ...{ image: 'spec.image', fprocess: 'spec.envProcess', environment: 'spec.env', secrets: 'spec.secrets' },
  ...{
    constraints: 'spec.constraints',
    limits: 'spec.limits',
    requests: 'spec.requests',
    namespace: 'metadata.namespace'
  },
  ...{ labels: 'metadata.labels', annotations: 'metadata.annotations' },
  ...{ readonly_root_filesystem: 'spec.readOnlyRootFilesystem', environment_file: '' },
  ...{ lang: '', handler: '', skip_build: '', build_options: '', build_args: '', build_secrets: '', platforms: '' }
}
const TOP_FIELDS: ReadonlySet<string> = new Set(['version', 'provider', 'functions', 'configuration'])
/** The server gives it to each function itself. */
const NAME_LABEL = 'faas_function'

/** Whether the document is a stack file of OpenFaaS. */
export function isStack(document: ManifestDocument): boolean {
  const value = document.toValue()
  return isRecord(value) && value['kind'] === undefined && ('functions' in value || 'provider' in value)
}

/**
 * The functions of a stack file. With `env`, variables in its values are replaced, after it was read: what is in them is text, and
 * cannot become structure. Its numbers and truths are text as they were written, as `faas-cli` reads them.
 */
export async function readStack(
  document: ManifestDocument,
  env: Readonly<Record<string, string | undefined>> | undefined,
  faults: Fault[]
): Promise<Stack> {
  document.mapScalars((value, source, at) => {
    if (value === null || value === undefined) return value
    const text = typeof value === 'string' ? value : (source ?? String(value))
    if (env === undefined) return text
    const substituted = substitute(text, env)
    faults.push(...substituted.faults.map(message => ({ at, message })))
    return substituted.text
  })
  const value = document.toValue() as Record<string, unknown>
  const provider = isRecord(value['provider']) ? value['provider'] : {}
  const gateway = provider['gateway']
  const entries = isRecord(value['functions']) ? Object.entries(value['functions']) : []
  if (entries.length === 0) faults.push({ at: document.at(['functions']), message: 'there are no functions in it' })
  const unknown: Fault[] = Object.keys(value)
    .filter(field => !TOP_FIELDS.has(field))
    .map(field => ({ at: document.at([field]), message: `${field} is not known, and ignored` }))
  const functions: Manifest[] = []
  for (const [name, entry] of entries) {
    const reader = new FunctionReader(document, name, entry)
    functions.push(await reader.read())
    faults.push(...reader.faults)
    unknown.push(...reader.unknown)
  }
  return { functions, unknown, ...(typeof gateway === 'string' && gateway !== '' ? { gateway } : {}) }
}

/** Reads one function of a stack file, and notes all that is wrong with it. */
class FunctionReader {
  readonly faults: Fault[] = []
  readonly unknown: Fault[] = []
  readonly #document: ManifestDocument
  readonly #name: string
  readonly #entry: Readonly<Record<string, unknown>>

  constructor(document: ManifestDocument, name: string, entry: unknown) {
    this.#document = document
    this.#name = name
    this.#entry = isRecord(entry) ? entry : {}
    if (!isRecord(entry)) this.#fault([], 'must have an image')
    for (const field of Object.keys(this.#entry).filter(key => !Object.hasOwn(FIELDS, key))) {
      this.unknown.push({ at: this.#at([field]), message: `functions.${name}.${field} is not known, and ignored` })
    }
  }

  async read(): Promise<Manifest> {
    const { [NAME_LABEL]: _own, ...labels } = this.#texts('labels')
    const namespace = this.#text('namespace')
    const envProcess = this.#text('fprocess')
    return {
      ...{ kind: 'Function', name: this.#name, isStack: true },
      ...(namespace === '' ? {} : { namespace }),
      labels,
      annotations: this.#texts('annotations'),
      body: {
        spec: {
          image: this.#image(),
          ...(envProcess === '' ? {} : { envProcess }),
          env: { ...this.#texts('environment'), ...(await this.#environmentFiles()) },
          secrets: this.#list('secrets'),
          constraints: this.#list('constraints'),
          limits: this.#resources('limits'),
          requests: this.#resources('requests'),
          readOnlyRootFilesystem: this.#truth('readonly_root_filesystem')
        }
      },
      at: field => this.#at(stackField(field))
    }
  }

  #image(): string {
    const image = this.#text('image')
    if (image !== '') return image
    const { lang, handler } = this.#entry
    const built = lang !== undefined || handler !== undefined
    const help = built ? ': lang and handler say how faas-cli builds it; build it, and name the image' : ''
    this.#fault([], `image is missing${help}`)
    return image
  }

  #text(field: string): string {
    const value = this.#entry[field] ?? ''
    if (typeof value === 'string') return value
    this.#fault([field], 'must be text')
    return ''
  }

  #truth(field: string): boolean {
    const text = this.#text(field).toLowerCase()
    if (!['', 'true', 'false'].includes(text)) this.#fault([field], 'must be true or false')
    return text === 'true'
  }

  #list(field: string): string[] {
    const value = this.#entry[field] ?? []
    if (Array.isArray(value) && value.every(item => typeof item === 'string')) return value
    this.#fault([field], 'must be a list of text')
    return []
  }

  #texts(field: string): Texts {
    return this.#toTexts(this.#entry[field] ?? {}, [field])
  }

  #toTexts(value: unknown, path: readonly string[]): Texts {
    if (!isRecord(value)) {
      this.#fault(path, 'must be names and their values')
      return {}
    }
    const entries = Object.entries(value).map(([key, text]) => {
      if (text !== null && typeof text !== 'string') this.#fault([...path, key], 'must be text')
      return [key, String(text ?? '')] as const
    })
    return Object.fromEntries(entries)
  }

  #resources(field: string): Texts {
    const entries = Object.entries(this.#texts(field)).filter(([, quantity]) => quantity !== '')
    return Object.fromEntries(entries)
  }

  /** `environment` of the files, of which the last that names a variable counts; all of them go before that of the function, as in `faas-cli`. */
  async #environmentFiles(): Promise<Texts> {
    const { parseDocument, visit } = await import('yaml')
    let all: Texts = {}
    for (const [index, path] of this.#list('environment_file').entries()) {
      const at = ['environment_file', String(index)]
      try {
        const document = parseDocument(await readFile(resolve(this.#document.source.folder, path), 'utf8'))
        if (document.errors.length > 0) throw new Error('it is no YAML')
        visit(document, {
          Scalar: (key, node) => {
            if (key !== 'key' && node.value !== null) node.value = node.source ?? String(node.value)
          }
        })
        const value: unknown = document.toJS({ maxAliasCount: 100 })
        all = { ...all, ...this.#toTexts((isRecord(value) ? value['environment'] : undefined) ?? {}, at) }
      } catch (err) {
        this.#fault(at, `${path} cannot be read: ${(err as Error).message}`)
      }
    }
    return all
  }

  #fault(path: readonly string[], message: string): void {
    const field = ['functions', this.#name, ...path].join('.')
    this.faults.push({ at: this.#at(path), message: `${field}: ${message}` })
  }

  #at(path: readonly string[]): string {
    return this.#document.at(['functions', this.#name, ...path])
  }
}

/** Where a field of the API comes from: `spec.env.A` → `environment`, `A`. */
function stackField(field: string): string[] {
  const found = Object.entries(FIELDS).find(
    ([, target]) => target !== '' && (field === target || field.startsWith(`${target}.`))
  )
  if (found === undefined) return []
  const [name, target] = found
  const rest = field.slice(target.length + 1)
  return rest === '' ? [name] : [name, ...rest.split('.')]
}
