import { canonicalReference, parseImageReference } from '../../api/image-reference.ts'
import type { ImageSummary } from '../../src/engine/engine.ts'

/** An image that this installation pulled, as it is written down. */
export interface PulledImage {
  readonly imageId: string
  /** Every reference that it was pulled by, with registry and tag or digest. */
  readonly references: readonly string[]
  /** Milliseconds since the epoch; absent while it was last seen in use. */
  readonly unusedSince?: number
}

/** What becomes of an image of ours that nothing uses. */
export type ImageVerdict =
  | 'collect'
  /** It is unused for less than the grace period. */
  | 'grace'
  /** It has a name that we did not pull it by: somebody else wants it. */
  | 'named-by-others'

export interface UnusedImage {
  readonly id: string
  /** For people. */
  readonly name: string
  /** What is taken off one after the other; the image goes with the last of them. */
  readonly names: readonly string[]
  readonly sizeBytes: number
  readonly verdict: ImageVerdict
}

export interface ImageFacts {
  /** All images of the engine. */
  readonly images: readonly ImageSummary[]
  readonly pulled: readonly PulledImage[]
  /** Ids of the images that containers, whoever's, are made of. */
  readonly used: ReadonlySet<string>
  /** Image references, ids and digests that functions and their kept revisions name. */
  readonly wanted: readonly string[]
  readonly now: number
  readonly graceMs: number
  /** The engine's disk is full: what can go goes at once. */
  readonly underPressure: boolean
}

export interface ImagePlan {
  readonly unused: readonly UnusedImage[]
  /** Ids of images that are unused since now, that are in use again, and that are not there any more. */
  readonly newlyUnused: readonly string[]
  readonly usedAgain: readonly string[]
  readonly gone: readonly string[]
}

/**
 * Which images of ours nothing uses, and what becomes of them. Only what we pulled is looked at; an image that a person
 * pulled or built is never here. Pure.
 */
export function planImages(facts: ImageFacts): ImagePlan {
  const wanted = new Set(facts.wanted.flatMap(name => [name, canonicalReference(name)]))
  const images = new Map(facts.images.map(image => [image.id, image]))
  const found = facts.pulled.map(record => ({ record, image: images.get(record.imageId) }))
  const present = found.flatMap(({ record, image }) => (image === undefined ? [] : [{ record, image }]))
  const isInUse = (image: ImageSummary) => facts.used.has(image.id) || namesOf(image).some(name => wanted.has(name))
  const unused = present.filter(({ image }) => !isInUse(image))
  return {
    unused: unused
      .map(({ record, image }) => toUnused(record, image, facts))
      .sort((a, b) => a.name.localeCompare(b.name, 'en')),
    newlyUnused: unused.filter(({ record }) => record.unusedSince === undefined).map(({ image }) => image.id),
    usedAgain: present
      .filter(({ record, image }) => isInUse(image) && record.unusedSince !== undefined)
      .map(({ image }) => image.id),
    gone: found.filter(({ image }) => image === undefined).map(({ record }) => record.imageId)
  }
}

/** All that a spec may call it, its id with and without the algorithm included. */
function namesOf({ id, tags, digests }: ImageSummary): string[] {
  return [id, id.replace(/^sha256:/, ''), ...[...tags, ...digests].map(canonicalReference)]
}

function toUnused(record: PulledImage, image: ImageSummary, facts: ImageFacts): UnusedImage {
  const { id, tags, digests, sizeBytes } = image
  return {
    id,
    name: tags[0] ?? digests[0] ?? record.references[0] ?? id,
    names: [...tags, ...digests, id],
    sizeBytes,
    verdict: verdictOf(record, image, facts)
  }
}

function verdictOf(record: PulledImage, image: ImageSummary, facts: ImageFacts): ImageVerdict {
  const own = new Set(record.references)
  const repositories = new Set(record.references.map(repositoryOf))
  const isForeign =
    image.tags.some(tag => !own.has(canonicalReference(tag))) ||
    image.digests.some(digest => !repositories.has(repositoryOf(digest)))
  if (isForeign) return 'named-by-others'
  const isDue = record.unusedSince !== undefined && facts.now - record.unusedSince >= facts.graceMs
  return isDue || facts.underPressure ? 'collect' : 'grace'
}

/** With the registry; the engine gives an image that is pulled by tag the digest of the same repository. */
function repositoryOf(reference: string): string {
  const parts = parseImageReference(reference)
  return parts === undefined ? reference : `${parts.registry}/${parts.repository}`
}
