export interface ImageReference {
  /** `docker.io` when the reference names none. */
  readonly registry: string
  /** `library/nginx` for Docker Hub's own. */
  readonly repository: string
  /** `latest` when neither tag nor digest is given. */
  readonly tag?: string
  /** `sha256:…`. */
  readonly digest?: string
}

const COMPONENT = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*'
const DOMAIN = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?'
const HOST = `(?:${DOMAIN}(?:\\.${DOMAIN})*|\\[[0-9a-fA-F:]+\\])(?::[0-9]{1,5})?`
const PATH = `${COMPONENT}(?:/${COMPONENT})*`
const REFERENCE = new RegExp(`^(?:(${HOST})/)?(${PATH})(?::([\\w][\\w.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$`)

/**
 * The parts of an image reference, with Docker's defaults filled in. Undefined when it is none.
 * Source: the grammar of distribution/reference; a first part is a registry only with a dot, a colon, or as `localhost`.
 */
export function parseImageReference(text: string): ImageReference | undefined {
  if (text.length > 512) return undefined
  const match = REFERENCE.exec(text)
  if (match === null) return undefined
  const [, host, path = '', tag, digest] = match
  const isRegistry = host !== undefined && (/[.:]/.test(host) || host === 'localhost')
  if (host !== undefined && !isRegistry && !/^[a-z0-9._-]+$/.test(host)) return undefined
  const registry = isRegistry ? host : 'docker.io'
  let repository = isRegistry || host === undefined ? path : `${host}/${path}`
  if (registry === 'docker.io' && !repository.includes('/')) repository = `library/${repository}`
  const effectiveTag = tag ?? (digest === undefined ? 'latest' : undefined)
  return {
    registry,
    repository,
    ...(effectiveTag === undefined ? {} : { tag: effectiveTag }),
    ...(digest === undefined ? {} : { digest })
  }
}

/** The reference with registry and tag, or digest, written out; as it is, when it is none. */
export function canonicalReference(text: string): string {
  const parts = parseImageReference(text)
  if (parts === undefined) return text
  const { registry, repository, tag, digest } = parts
  return `${registry}/${repository}${digest === undefined ? `:${tag}` : `@${digest}`}`
}
