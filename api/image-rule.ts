import { parseImageReference } from './image-reference.ts'

/** Where images may come from. */
export interface ImageRule {
  /** `registry` or `registry/path`, with Docker Hub as `docker.io`; none: from anywhere. */
  readonly registries: readonly string[]
  /** Only images that are named by digest. */
  readonly digestRequired: boolean
}

/** Docker reads the one as the other. */
const HUB_ALIAS = /^index\.docker\.io(?=\/|$)/

/** `registry` or `registry/path` in the form that images are compared with; undefined when it is none. */
export function parseRegistry(text: string): string | undefined {
  const entry = text.replace(HUB_ALIAS, 'docker.io').replace(/\/+$/, '')
  const [registry = ''] = entry.split('/')
  if (!/[.:]/.test(registry) && registry !== 'localhost') return undefined
  const parsed = parseImageReference(entry === registry ? `${registry}/any` : entry)
  // The engine keeps what is Docker Hub's own below `library`; a path of one part means an account.
  return parsed?.tag === 'latest' &&
    parsed.registry === registry &&
    parsed.digest === undefined &&
    !/:[^/]*$/.test(entry.slice(registry.length))
    ? entry
    : undefined
}

/** Why an image may not be used, for people; undefined when it may. Pure. */
export function imageViolation(reference: string, { registries, digestRequired }: ImageRule): string | undefined {
  const parsed = parseImageReference(reference)
  if (parsed === undefined) return undefined // no image reference: refused as that
  if (registries.length > 0) {
    // The engine takes this for an image that it holds, wherever it came from.
    if (/^sha256:|^[0-9a-f]{1,64}$/.test(reference)) {
      return 'must be named with its registry or its tag, as this may be an image id (IMAGE_REGISTRIES_ALLOWED)'
    }
    const full = `${parsed.registry.replace(HUB_ALIAS, 'docker.io')}/${parsed.repository}`
    if (!registries.some(allowed => full === allowed || full.startsWith(`${allowed}/`))) {
      return `${full} is not of an allowed registry; IMAGE_REGISTRIES_ALLOWED names ${registries.join(', ')}`
    }
  }
  if (digestRequired && parsed.digest === undefined) {
    return 'must be named by its digest, such as registry.example/team/fn@sha256:… (IMAGE_DIGEST_REQUIRED)'
  }
  return undefined
}
