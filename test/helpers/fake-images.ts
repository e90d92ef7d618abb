import { createHash } from 'node:crypto'
import { canonicalReference, parseImageReference } from '../../api/image-reference.ts'
import type { Image, ImageSummary } from '../../src/engine/engine.ts'
import { refusal } from './fake-faults.ts'

/** An image of the store, or of a registry. */
export interface FakeImage extends Image {
  readonly references: readonly string[]
  readonly isRemote: boolean
  /** The registry has it too. */
  readonly wasPulled?: true
  readonly stopSignal: string
  readonly ignoresTerm: boolean
}

export interface FakeImageOptions {
  /** `sha256:…`; made from the reference when absent. */
  readonly digest?: string
  /** Only in the registry, until it is pulled. */
  readonly remote?: boolean
  readonly stopSignal?: string
  /** Its process does not end at SIGTERM. */
  readonly ignoresTerm?: boolean
  /** `USER` of its Dockerfile; root when left out. */
  readonly user?: string
}

/** The images of the fake engine, and of the registry that it pulls from. */
export class FakeImages {
  readonly #images: FakeImage[] = []

  /** Puts an image into the store; gives its id. */
  add(reference: string, options: FakeImageOptions): string {
    const {
      digest = hash(`digest ${reference}`),
      remote = false,
      stopSignal = 'SIGTERM',
      ignoresTerm = false,
      user = ''
    } = options
    const { registry, repository, tag } = parsed(reference)
    const id = hash(`image ${digest}`)
    const pinned = [`${registry}/${repository}@${digest}`]
    const tagged = tag === undefined ? [] : [`${registry}/${repository}:${tag}`]
    const references = [...tagged, ...pinned]
    const same = this.#images.findIndex(image => image.id === id)
    if (same >= 0) this.#images.splice(same, 1)
    // The tag moves; the image that had it stays, known by its id and digest.
    for (const [at, image] of this.#images.entries()) {
      this.#images[at] = { ...image, references: image.references.filter(reference => !tagged.includes(reference)) }
    }
    this.#images.push({ id, digests: pinned, references, isRemote: remote, stopSignal, ignoresTerm, user })
    return id
  }

  tag(imageId: string, reference: string): void {
    const at = this.#images.findIndex(({ id }) => id === imageId)
    const image = this.#images[at]
    if (image !== undefined) {
      this.#images[at] = { ...image, references: [...image.references, canonicalReference(reference)] }
    }
  }

  /** Takes it out of the store and of the registry. */
  lose(reference: string): void {
    const image = this.find(reference)
    if (image !== undefined) this.#images.splice(this.#images.indexOf(image), 1)
  }

  /** One that is in the store, by reference or id. */
  find(referenceOrId: string): FakeImage | undefined {
    return this.#images.find(
      image =>
        !image.isRemote && (image.id === referenceOrId || image.references.includes(canonicalReference(referenceOrId)))
    )
  }

  /** Also one that is only in the registry. */
  findAnywhere(reference: string): FakeImage | undefined {
    return this.#images.find(image => image.references.includes(canonicalReference(reference)))
  }

  /** Whether its process ends at its stop signal. */
  endsWhenAsked(imageId: string): boolean {
    return this.#images.find(({ id }) => id === imageId)?.ignoresTerm !== true
  }

  list(): ImageSummary[] {
    return this.#images
      .filter(image => !image.isRemote)
      .map(({ id, digests, references }) => ({ id, digests, tags: references.filter(isTag), sizeBytes: 1 }))
  }

  pulled(image: FakeImage): void {
    const pulled = { ...image, isRemote: false, ...(image.isRemote ? { wasPulled: true as const } : {}) }
    this.#images[this.#images.indexOf(image)] = pulled
  }

  /** Takes a tag off, and removes the image with its last one, unless a container is made of it. */
  remove(referenceOrId: string, isInUse: (imageId: string) => boolean): void {
    const image = this.find(referenceOrId)
    if (image === undefined) return
    const tags = image.references.filter(isTag)
    if (tags.length > 1 && referenceOrId === image.id) {
      throw refusal('image_remove', 'busy', `unable to delete ${image.id}: it is referenced several times`)
    }
    const at = this.#images.indexOf(image)
    if (tags.length > 1) {
      const references = image.references.filter(reference => reference !== canonicalReference(referenceOrId))
      this.#images[at] = { ...image, references }
      return
    }
    if (isInUse(image.id)) {
      throw refusal('image_remove', 'busy', `unable to delete ${image.id}: a container is using it`)
    }
    if (image.wasPulled === true) this.#images[at] = { ...image, isRemote: true }
    else this.#images.splice(at, 1)
  }
}

/** `sha256:` of the text. */
export function hash(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`
}

function parsed(reference: string) {
  const result = parseImageReference(reference)
  if (result === undefined) throw new Error(`${reference} is no image reference`)
  return result
}

function isTag(reference: string): boolean {
  return !reference.includes('@')
}
