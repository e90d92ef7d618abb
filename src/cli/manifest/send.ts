import { type GatewayClient, queryOf } from '../client/gateway-client.ts'
import { GatewayError } from '../client/problem.ts'
import { CliError } from '../exit-code.ts'
import type { ApiObject } from './api-object.ts'
import { namespaceOf } from './load.ts'
import type { Manifest, ManifestKind } from './manifest.ts'
import { wantedOf } from './wanted.ts'

export type Outcome = 'created' | 'configured' | 'unchanged'

export interface Sent {
  readonly outcome: Outcome
  readonly object: ApiObject
}

const PATHS: Readonly<Record<ManifestKind, string>> = {
  Function: '/v1/functions',
  Namespace: '/v1/namespaces',
  Profile: '/v1/profiles'
}

/** What the command says about all of its manifests. */
export interface SendOptions {
  /** `--namespace`. */
  readonly given: string | undefined
  readonly manifests: readonly Manifest[]
}

/** What the API takes for a manifest. */
export function toBody(manifest: Manifest, namespace: string): ApiObject {
  const { kind, name, labels, annotations, body } = manifest
  const scope = kind === 'Function' ? { namespace } : {}
  return { apiVersion: 'v1', kind, metadata: { name, ...scope, labels, annotations }, ...body }
}

/** `function/hello`, or `function/hello.team-a` outside of the default namespace: other commands take it. */
export function nameOf(manifest: Manifest, namespace: string): string {
  const suffix = manifest.kind === 'Function' && namespace !== 'openfaas-fn' ? `.${namespace}` : ''
  return `${manifest.kind.toLowerCase()}/${manifest.name}${suffix}`
}

/** One gateway, for manifests. */
export class ManifestClient {
  readonly #client: GatewayClient
  readonly #given: string | undefined
  /** Those that functions may be in by then. */
  readonly #coming: ReadonlySet<string>

  constructor(client: GatewayClient, { given, manifests }: SendOptions) {
    this.#client = client
    this.#given = given
    this.#coming = new Set(manifests.filter(({ kind }) => kind === 'Namespace').map(({ name }) => name))
  }

  namespaceOf(manifest: Manifest): string {
    return namespaceOf(manifest, this.#given, this.#client.namespace)
  }

  nameOf(manifest: Manifest): string {
    return nameOf(manifest, this.namespaceOf(manifest))
  }

  pathOf(manifest: Manifest): string {
    const namespace = manifest.kind === 'Function' ? this.namespaceOf(manifest) : undefined
    return `${PATHS[manifest.kind]}/${encodeURIComponent(manifest.name)}${queryOf({ namespace })}`
  }

  /** What there is now. */
  async find(manifest: Manifest): Promise<ApiObject | undefined> {
    return await this.#locating(manifest, this.#client.find<ApiObject>(this.pathOf(manifest)))
  }

  /** Brings the object to its manifest. */
  async apply(manifest: Manifest): Promise<Sent> {
    const before = await this.find(manifest)
    const object = await this.#post<ApiObject>(manifest, '')
    return { object, outcome: outcomeOf(before, object) }
  }

  /** What that would do; nothing is written. Only functions are tried by the gateway itself. */
  async tryOut(manifest: Manifest): Promise<Sent & { readonly before: ApiObject | undefined }> {
    const before = await this.find(manifest)
    if (manifest.kind !== 'Function') {
      const wanted = toBody(manifest, '')
      const outcome = before === undefined ? 'created' : isSame(before, wanted) ? 'unchanged' : 'configured'
      return { before, object: wanted, outcome }
    }
    if (before === undefined && (await this.#isComing(manifest))) {
      return { before, object: toBody(manifest, this.namespaceOf(manifest)), outcome: 'created' }
    }
    const tried = await this.#post<{ object: ApiObject; outcome: string }>(manifest, '?dryRun=true')
    return {
      before,
      object: tried.object,
      outcome: tried.outcome === 'changed' ? 'configured' : (tried.outcome as Outcome)
    }
  }

  /** Whether its namespace is to be made by the same manifests: the gateway cannot try the function then. */
  async #isComing(manifest: Manifest): Promise<boolean> {
    const namespace = this.namespaceOf(manifest)
    if (!this.#coming.has(namespace)) return false
    return (await this.#client.find(`${PATHS.Namespace}/${encodeURIComponent(namespace)}`)) === undefined
  }

  async #post<T>(manifest: Manifest, query: string): Promise<T> {
    const body = toBody(manifest, this.namespaceOf(manifest))
    return await this.#locating(manifest, this.#client.call<T>('POST', `${PATHS[manifest.kind]}${query}`, body))
  }

  /** Names the place in the file for each field that the gateway refuses. */
  async #locating<T>(manifest: Manifest, answer: Promise<T>): Promise<T> {
    try {
      return await answer
    } catch (err) {
      if (!(err instanceof GatewayError) || err.errors.length === 0) throw err
      const lines = err.errors.map(({ field, message }) => `  ${manifest.at(field)}: ${field}: ${message}`)
      throw new CliError(`the gateway answered ${err.status}:\n${lines.join('\n')}`, err.exitCode, { cause: undefined })
    }
  }
}

function outcomeOf(before: ApiObject | undefined, after: ApiObject): Outcome {
  if (before === undefined) return 'created'
  const versionOf = ({ metadata }: ApiObject) => metadata.generation ?? metadata.resourceVersion
  return versionOf(before) === versionOf(after) ? 'unchanged' : 'configured'
}

function isSame(before: ApiObject, after: ApiObject): boolean {
  return JSON.stringify(wantedOf(before)) === JSON.stringify(wantedOf(after))
}
