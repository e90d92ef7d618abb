import type { FunctionObject, PinnedImage } from '../../api/function.ts'
import { templateHash } from '../../api/spec-hash.ts'
import type { Engine } from '../../src/engine/engine.ts'
import type { ImageState } from '../../src/engine/image-state.ts'
import type { ImagePuller } from '../../src/engine/images.ts'
import type { ImageStatus, Policy } from './desired.ts'
import { violationRefusal } from './isolation.ts'

export interface ImageDeps {
  readonly engine: Pick<Engine, 'inspectImage'>
  readonly images: Pick<ImagePuller, 'ensure' | 'peek'>
}

export interface AllowedDeps extends ImageDeps {
  readonly policy: Pick<Policy, 'isolation'>
  readonly now: () => number
}

/** A rule that refuses an image changes with the configuration only. */
const REFUSED_MS = 3_600_000

/**
 * The image that this revision of the function is pinned to. A revision that has one keeps it, however its tag moves;
 * a new one resolves its reference, and pulls when the policy or an empty store asks for it. Never waits for a pull.
 */
async function resolveImage(deps: ImageDeps, object: FunctionObject): Promise<ImageStatus> {
  const { spec, metadata, status } = object
  const template = templateHash(spec, metadata.labels)
  if (status.image?.templateHash === template) return { state: 'pinned', pin: status.image }
  const state = await deps.images.ensure(spec.image, { fresh: true, asOf: Date.parse(metadata.updatedAt) })
  return toStatus(state, spec.image, template)
}

/** The same as far as the policy allows it: an image that may not be used is not pulled either. */
export async function resolveAllowed(deps: AllowedDeps, object: FunctionObject): Promise<ImageStatus> {
  const refusal = violationRefusal(object, deps.policy.isolation)
  const isPinned = object.status.image?.templateHash === templateHash(object.spec, object.metadata.labels)
  if (refusal === undefined || isPinned) return resolveImage(deps, object)
  return { state: 'failed', fault: 'other', message: refusal.message, retryAt: deps.now() + REFUSED_MS }
}

/**
 * The pinned image as it must be before containers are made of it: when somebody removed it, its digest brings the same
 * one back; without a digest, the tag brings what it names now, and that is another revision.
 */
export async function restoreImage(deps: ImageDeps, pin: PinnedImage, signal: AbortSignal): Promise<ImageStatus> {
  if ((await deps.engine.inspectImage(pin.id, signal)) !== undefined) return { state: 'pinned', pin }
  return toStatus(
    await deps.images.ensure(pin.digest ?? pin.reference, { fresh: false }),
    pin.reference,
    pin.templateHash
  )
}

/** The image that a revision would be pinned to, or that it would be pulled, without starting the pull. */
export async function peekImage(
  { images }: { readonly images: Pick<ImagePuller, 'peek'> },
  object: FunctionObject,
  signal: AbortSignal
): Promise<ImageStatus> {
  const template = templateHash(object.spec, object.metadata.labels)
  const pin = object.status.image
  if (pin?.templateHash === template) return { state: 'pinned', pin }
  return toStatus(await images.peek(object.spec.image, signal), object.spec.image, template)
}

function toStatus(state: ImageState, reference: string, template: string): ImageStatus {
  switch (state.state) {
    case 'present': {
      const pin: PinnedImage = {
        reference,
        templateHash: template,
        id: state.id,
        ...(state.digest === undefined ? {} : { digest: state.digest })
      }
      return { state: 'pinned', pin }
    }
    case 'pulling':
      return { state: 'pulling', currentBytes: state.currentBytes, totalBytes: state.totalBytes }
    case 'failed':
      return { state: 'failed', fault: state.fault, message: state.message, retryAt: state.retryAt }
    default:
      return state satisfies never
  }
}
