import type { Engine } from '../../src/engine/engine.ts'
import { EngineError, faultOf } from '../../src/engine/faults.ts'
import type { Logger } from '../../src/logging/logger.ts'
import type { Reconciler, Result } from '../../src/runtime/reconciler.ts'
import type { EventStore, ImageStore } from '../../src/store/store.ts'
import { type ImagePlan, planImages, type UnusedImage } from './plan.ts'

/** The only key of this controller: it looks at all images at once. */
export const IMAGES_KEY = 'engine/images'

export interface ImagesDeps {
  readonly engine: Pick<Engine, 'listImages' | 'listContainers' | 'inspectImage' | 'removeImage'>
  readonly images: Pick<ImageStore, 'list' | 'wanted' | 'putUnusedSince' | 'forget'>
  readonly events: Pick<EventStore, 'record'>
  /** 0: nothing is ever removed. */
  readonly graceMs: number
  readonly intervalMs: number
  /** Whether the engine's disk is full. */
  readonly isUnderPressure: () => boolean
  /** Whether the first full resync is over; before, nothing is removed. */
  readonly isReady: () => boolean
  /** Told of each look: unused images of ours, and whether the disk is full. */
  readonly onLook: (unused: number, isUnderPressure: boolean) => void
  readonly onCollected: () => void
  /** Room was made on a disk that was full. */
  readonly onSpace: () => void
  readonly now: () => number
  readonly log: Logger
}

const NOTHING: ImagePlan = { unused: [], newlyUnused: [], usedAgain: [], gone: [] }

/** Removes images that this installation pulled and that nothing uses or wants any more. */
export class ImagesReconciler implements Reconciler {
  readonly name = 'images'
  readonly #deps: ImagesDeps

  constructor(deps: ImagesDeps) {
    this.#deps = deps
  }

  async reconcile(_key: string, signal: AbortSignal): Promise<Result> {
    const { graceMs, intervalMs, isReady, isUnderPressure, onLook } = this.#deps
    if (graceMs === 0) {
      onLook(0, isUnderPressure())
      return { requeueAfter: intervalMs }
    }
    if (!isReady()) return { requeueAfter: Math.min(intervalMs, 1000) }
    const plan = await this.#look(signal)
    onLook(plan.unused.length, isUnderPressure())
    await this.#writeDown(plan)
    await this.#collect(
      plan.unused.filter(({ verdict }) => verdict === 'collect'),
      signal
    )
    return { requeueAfter: intervalMs }
  }

  /** Images of ours that nothing uses, and what would become of them now. */
  async preview(signal: AbortSignal): Promise<readonly UnusedImage[]> {
    return this.#deps.graceMs === 0 ? [] : (await this.#look(signal)).unused
  }

  async #look(signal: AbortSignal): Promise<ImagePlan> {
    const { engine, images, graceMs, isUnderPressure, now } = this.#deps
    const pulled = await images.list()
    if (pulled.length === 0) return NOTHING
    // Docker first: what is written down or created after that can only save an image.
    const [present, containers] = await Promise.all([engine.listImages(signal), engine.listContainers({}, signal)])
    const used = new Set(containers.map(({ imageId }) => imageId))
    const isIdle = present.some(({ id }) => !used.has(id) && pulled.some(({ imageId }) => imageId === id))
    const wanted = isIdle ? await images.wanted() : [] // reads every revision, which is much to read for nothing
    const underPressure = isUnderPressure()
    return planImages({ images: present, pulled, used, wanted, now: now(), graceMs, underPressure })
  }

  async #writeDown({ newlyUnused, usedAgain, gone }: ImagePlan): Promise<void> {
    const { images, now } = this.#deps
    for (const id of newlyUnused) await images.putUnusedSince(id, now())
    for (const id of usedAgain) await images.putUnusedSince(id, undefined)
    for (const id of gone) await images.forget(id)
  }

  /** One that the engine keeps, as somebody has just begun to use it, keeps no other; the next look tells. */
  async #collect(unused: readonly UnusedImage[], signal: AbortSignal): Promise<void> {
    const failures: unknown[] = []
    let collected = 0
    for (const image of unused) {
      signal.throwIfAborted()
      try {
        if (await this.#removeUnused(image, signal)) collected++
      } catch (err) {
        if (err instanceof EngineError && err.isUnreachable) throw err
        if (faultOf(err) !== 'busy') failures.push(err)
      }
    }
    if (collected > 0 && this.#deps.isUnderPressure()) this.#deps.onSpace()
    if (failures.length > 0) throw failures[0]
  }

  /** Whether it was removed: the one before may have taken minutes, in which others have begun to use this one. */
  async #removeUnused({ id }: UnusedImage, signal: AbortSignal): Promise<boolean> {
    const { unused } = await this.#look(signal)
    const found = unused.find(image => image.id === id && image.verdict === 'collect')
    if (found !== undefined) await this.#remove(found, signal)
    return found !== undefined
  }

  async #remove({ id, name, names, sizeBytes }: UnusedImage, signal: AbortSignal): Promise<void> {
    const { engine, images, events, isUnderPressure, onCollected, log } = this.#deps
    for (const reference of names) {
      // Only names can be removed, and one may have moved to a new image since the look.
      if ((await engine.inspectImage(reference, signal))?.id === id) await engine.removeImage(reference, signal)
    }
    await images.forget(id)
    onCollected()
    const why = isUnderPressure() ? 'the disk of the engine is full' : 'nothing uses it'
    log.info({ image: name, imageId: id, sizeBytes, why }, 'Collected image')
    const message = `image ${name} was pulled by this gateway and is removed: ${why}`
    await events.record({ namespace: '', name: '', uid: '', type: 'Normal', reason: 'ImageCollected', message })
  }
}
