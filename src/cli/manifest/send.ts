import { QuotaExceededError, unknownNamespaceMessage } from '../../../api/errors.ts'
import { type GatewayClient, queryOf } from '../client/gateway-client.ts'
import { GatewayError } from '../client/problem.ts'
import { CliError } from '../exit-code.ts'
import type { ApiObject } from './api-object.ts'
import { namespaceOf } from './load.ts'
import type { Manifest, ManifestKind } from './manifest.ts'
import { PlannedNamespaces } from './planned-namespaces.ts'
import { wantedOf } from './wanted.ts'

export type Outcome = 'created' | 'configured' | 'unchanged'

export interface Sent {
  readonly outcome: Outcome
  readonly object: ApiObject
}

/** What a dry run answers with. */
interface Tried {
  readonly object: ApiObject
  readonly outcome: 'created' | 'changed' | 'unchanged'
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
  /** Namespaces that were tried out and would be new. */
  readonly #planned = new PlannedNamespaces()

  constructor(client: GatewayClient, { given }: SendOptions) {
    this.#client = client
    this.#given = given
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
    const body = toBody(manifest, this.namespaceOf(manifest))
    const answer = this.#client.call<ApiObject>('POST', PATHS[manifest.kind], body)
    const object = await this.#locating(manifest, answer)
    return { object, outcome: outcomeOf(before, object) }
  }

  /**
   * What that would do; nothing is written. The gateway itself tries functions and namespaces. A function in a namespace that
   * was tried before it and would be new is new, too, unless the gateway finds anything else wrong with it, or the quota has no room
   * for it beside the functions that were tried before.
   */
  async tryOut(manifest: Manifest): Promise<Sent & { readonly before: ApiObject | undefined }> {
    const before = await this.find(manifest)
    if (manifest.kind === 'Profile') {
      const wanted = toBody(manifest, '')
      const outcome = before === undefined ? 'created' : isSame(before, wanted) ? 'unchanged' : 'configured'
      return { before, object: wanted, outcome }
    }
    const namespace = this.namespaceOf(manifest)
    const body = toBody(manifest, namespace)
    const path = `${PATHS[manifest.kind]}?dryRun=true`
    const answer = this.#client.call<Tried>('POST', path, body).catch(async (err: unknown): Promise<Tried> => {
      const isPlanned = manifest.kind === 'Function' && this.#planned.has(namespace)
      if (!isPlanned || !(err instanceof GatewayError)) throw err
      const missing = unknownNamespaceMessage(namespace)
      const errors = err.errors.filter(({ message }) => message !== missing)
      if (errors.length === err.errors.length) throw err
      if (errors.length > 0) throw new GatewayError({ status: err.status, errors }, err.message)
      await this.#planned.take(namespace, body).catch(toRefusal)
      return { object: body, outcome: 'created' }
    })
    const { object, outcome } = await this.#locating(manifest, answer)
    if (manifest.kind === 'Namespace' && outcome === 'created') this.#planned.add(object)
    return { before, object, outcome: outcome === 'changed' ? 'configured' : outcome }
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

/** As if the gateway had refused it. */
function toRefusal(err: unknown): never {
  if (!(err instanceof QuotaExceededError)) throw err
  const { status, code, message } = err
  throw new GatewayError({ status, code }, `the gateway would answer ${status}: ${message}`)
}

function outcomeOf(before: ApiObject | undefined, after: ApiObject): Outcome {
  if (before === undefined) return 'created'
  const versionOf = ({ metadata }: ApiObject) => metadata.generation ?? metadata.resourceVersion
  return versionOf(before) === versionOf(after) ? 'unchanged' : 'configured'
}

function isSame(before: ApiObject, after: ApiObject): boolean {
  return JSON.stringify(wantedOf(before)) === JSON.stringify(wantedOf(after))
}
