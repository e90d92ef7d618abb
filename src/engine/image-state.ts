import { parseImageReference } from '../../api/image-reference.ts'
import type { Image } from './engine.ts'
import type { EngineFault } from './faults.ts'

/** Where the image of a reference stands. */
export type ImageState =
  | {
      readonly state: 'present'
      /** `sha256:…` of its config; what containers are made of. */
      readonly id: string
      /** `repository@sha256:…` of the reference's own repository; absent for an image that was built here. */
      readonly digest?: string
      /** Why the registry could not be asked whether there is a newer one, when it should have been. */
      readonly stale?: string
    }
  | {
      readonly state: 'pulling'
      /** Milliseconds since the epoch. */
      readonly since: number
      readonly currentBytes: number
      readonly totalBytes: number
    }
  | {
      readonly state: 'failed'
      readonly fault: EngineFault
      readonly message: string
      /** Milliseconds since the epoch: an `ensure` from then on tries again. */
      readonly retryAt: number
    }

/** Whether the reference is an image's own id, which no registry knows. */
export function isImageId(reference: string): boolean {
  return /^(?:sha256:)?[0-9a-f]{64}$/.test(reference)
}

/** Whether the reference can only ever mean one image. */
export function isFixed(reference: string): boolean {
  return isImageId(reference) || parseImageReference(reference)?.digest !== undefined
}

/** The state of an image that is there. */
export function present(reference: string, image: Image): ImageState & { state: 'present' } {
  const digest = digestFor(reference, image)
  return { state: 'present', id: image.id, ...(digest === undefined ? {} : { digest }) }
}

/** The digest under which the reference's own repository knows the image. */
function digestFor(reference: string, image: Image): string | undefined {
  const wanted = parseImageReference(reference)
  if (wanted === undefined) return undefined
  const own = image.digests.filter(text => {
    const known = parseImageReference(text)
    return known?.registry === wanted.registry && known.repository === wanted.repository
  })
  return own.find(text => wanted.digest !== undefined && text.endsWith(`@${wanted.digest}`)) ?? own[0]
}
