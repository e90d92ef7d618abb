import { LoopViewOfControllers } from '../../controllers/view.ts'
import { systemClock } from '../clock.ts'
import type { Logger } from '../logging/logger.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { Store } from '../store/open.ts'
import type { assembleControlPlane } from './control-plane.ts'
import type { assembleEngine } from './engine.ts'

type ViewDeps = ConstructorParameters<typeof LoopViewOfControllers>[0]

interface ViewParts extends Pick<ViewDeps, 'watch' | 'firewall'> {
  readonly store: Store
  readonly plane: ReturnType<typeof assembleControlPlane>
  readonly metrics: Metrics
  readonly log: Logger
  readonly health: ReturnType<typeof assembleEngine>['health']
}

/** What the API and `docker-faas plan` show of the loop. */
export function assembleView({
  store,
  plane,
  metrics,
  log,
  health,
  watch,
  firewall
}: ViewParts): LoopViewOfControllers {
  return new LoopViewOfControllers({
    functions: store.functions,
    reconciler: plane.functionReconciler,
    garbage: plane.garbageReconciler,
    images: plane.imagesReconciler,
    queue: plane.functions,
    lag: metrics.lag,
    resync: plane.resync,
    engine: health,
    watch,
    firewall,
    now: systemClock.now,
    onResyncError: err => log.error({ err }, 'Failed to list functions')
  })
}
