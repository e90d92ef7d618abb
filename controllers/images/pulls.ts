import { canonicalReference } from '../../api/image-reference.ts'
import type { Engine } from '../../src/engine/engine.ts'
import type { Logger } from '../../src/logging/logger.ts'
import type { ImageStore } from '../../src/store/store.ts'

export interface PullRecordDeps {
  readonly engine: Pick<Engine, 'inspectImage' | 'pullImage' | 'listImages'>
  readonly images: Pick<ImageStore, 'list' | 'record'>
  readonly log: Logger
}

/**
 * The engine, whose pulls are written down when they bring what was not there before: what a person pulled or built
 * stays a person's, though a pull of ours names it again.
 */
export function recordedPulls({ engine, images, log }: PullRecordDeps): Pick<Engine, 'inspectImage' | 'pullImage'> {
  const record = async (reference: string, before: ReadonlySet<string>, signal: AbortSignal | undefined) => {
    const id = (await engine.inspectImage(reference, signal))?.id
    if (id === undefined) return
    const isOurs = !before.has(id) || (await images.list()).some(({ imageId }) => imageId === id)
    if (isOurs) await images.record(id, canonicalReference(reference))
  }
  return {
    inspectImage: (referenceOrId, signal) => engine.inspectImage(referenceOrId, signal),
    pullImage: async (reference, onProgress, signal) => {
      const before = new Set((await engine.listImages(signal)).map(({ id }) => id))
      await engine.pullImage(reference, onProgress, signal)
      try {
        await record(reference, before, signal)
      } catch (err) {
        // The pull is good; the image is only taken for a stranger's, and stays.
        log.warn({ err, image: reference }, 'Failed to write down a pull, so the image is never collected')
      }
    }
  }
}
