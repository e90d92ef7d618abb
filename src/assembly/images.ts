import { recordedPulls } from '../../controllers/images/pulls.ts'
import { ImagesReconciler } from '../../controllers/images/reconciler.ts'
import { systemClock } from '../clock.ts'
import type { Config } from '../config/config.ts'
import type { DiskPressure } from '../engine/disk-pressure.ts'
import type { Engine } from '../engine/engine.ts'
import { FileWatch } from '../engine/file-watch.ts'
import { ImagePuller } from '../engine/images.ts'
import { defaultAuthFile } from '../engine/registry-auth.ts'
import type { Logger } from '../logging/logger.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { Store } from '../store/open.ts'
import type { WaitingKeys } from './waiting-keys.ts'

interface Deps {
  readonly config: Config
  readonly store: Store
  readonly engine: Engine
  readonly pressure: DiskPressure
  readonly metrics: Metrics
  readonly log: Logger
}

/** What brings images, what removes them again, and what sees that credentials change; who waits for one of them is woken. */
export function assembleImages(
  { config, store, engine, pressure, metrics, log }: Deps,
  { waiting, isReady }: { readonly waiting: WaitingKeys; readonly isReady: () => boolean }
): { images: ImagePuller; imagesReconciler: ImagesReconciler; credentials: FileWatch } {
  const images = new ImagePuller({
    engine: recordedPulls({ engine, images: store.images, log }),
    policy: config.IMAGE_PULL_POLICY,
    clock: systemClock,
    random: Math.random,
    onSettled: () => waiting.wake('pull')
  })
  const imagesReconciler = new ImagesReconciler({
    engine,
    images: store.images,
    events: store.events,
    graceMs: config.IMAGE_GC_GRACE,
    intervalMs: config.GC_INTERVAL,
    isUnderPressure: () => pressure.isOn,
    isReady,
    onLook: (unused, isUnderPressure) => {
      metrics.setUnusedImages(unused)
      metrics.setDiskPressure(isUnderPressure)
    },
    onCollected: () => metrics.collected('image'),
    onSpace: () => {
      images.retry('no-space')
      waiting.wake('space')
    },
    now: systemClock.now,
    log
  })
  const credentials = new FileWatch(config.REGISTRY_AUTH_FILE || defaultAuthFile(), () => {
    log.info({}, 'Registry credentials changed')
    images.retry('unauthorized')
    waiting.wake('credentials')
  })
  return { images, imagesReconciler, credentials }
}
