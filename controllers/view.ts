import { formatHostPort } from '../api/debug-ports.ts'
import type { FunctionObject } from '../api/function.ts'
import { keyOf } from '../api/meta.ts'
import type { FunctionContainer } from '../api/openfaas.ts'
import type { ContainerSummary } from '../src/engine/engine.ts'
import type { EngineState } from '../src/engine/health.ts'
import type { LagTracker } from '../src/metrics/lag.ts'
import type { FunctionStore } from '../src/store/store.ts'
import type { FunctionReconciler } from './function/reconciler.ts'
import type { Resync } from './function/resync.ts'
import type { GarbageReconciler } from './gc/reconciler.ts'
import type { ImagesReconciler } from './images/reconciler.ts'

export interface ViewDeps {
  readonly functions: Pick<FunctionStore, 'list'>
  readonly reconciler: Pick<FunctionReconciler, 'preview' | 'containers'>
  readonly garbage: Pick<GarbageReconciler, 'preview' | 'previewLegacy'>
  readonly images: Pick<ImagesReconciler, 'preview'>
  readonly queue: { readonly depth: number; readonly running: number }
  readonly lag: Pick<LagTracker, 'keys' | 'lagOf' | 'maxLag'>
  readonly resync: Pick<Resync, 'isComplete' | 'lastAt' | 'run'>
  readonly engine: { readonly state: EngineState }
  readonly watch: { readonly connected: boolean }
  readonly firewall: { readonly state: FirewallView }
  readonly now: () => number
  readonly onResyncError: (err: unknown) => void
}

/** Whether functions are kept from the host; why, where they are not. */
export interface FirewallView {
  readonly state: 'on' | 'off' | 'unavailable'
  readonly reason?: string
}

/** A look into the engine for a plan that is only shown may take this long. */
const PREVIEW_TIMEOUT_MS = 20_000

/** What the loop shows of itself: plans that it would run, and how it stands. Changes nothing. */
export class LoopViewOfControllers {
  readonly #deps: ViewDeps

  constructor(deps: ViewDeps) {
    this.#deps = deps
  }

  async preview(object: FunctionObject): Promise<string[]> {
    return this.#deps.reconciler.preview(object, AbortSignal.timeout(PREVIEW_TIMEOUT_MS))
  }

  async containers(object: FunctionObject): Promise<FunctionContainer[]> {
    const found = await this.#deps.reconciler.containers(object, AbortSignal.timeout(PREVIEW_TIMEOUT_MS))
    return found.map(toFunctionContainer).sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  async previewAll() {
    const signal = AbortSignal.timeout(PREVIEW_TIMEOUT_MS)
    const functions: { key: string; steps: string[] }[] = []
    for (const object of await this.#deps.functions.list()) {
      functions.push({ key: keyOf(object.metadata), steps: await this.#deps.reconciler.preview(object, signal) })
    }
    const orphans = [...(await this.#deps.garbage.preview(signal)), ...(await this.#deps.garbage.previewLegacy(signal))]
    const garbage = orphans.map(({ object, verdict }) => ({
      kind: object.kind as string,
      name: object.name,
      owner: object.owner ?? '',
      verdict: verdict as string
    }))
    const unused = await this.#deps.images.preview(signal)
    const images = unused.map(({ name, verdict }) => ({ kind: 'image', name, owner: '', verdict }))
    return { functions, garbage: [...garbage, ...images] }
  }

  state() {
    const { queue, lag, resync, engine, watch, firewall, now } = this.#deps
    const at = now()
    const behind = lag
      .keys()
      .map(key => ({ key, seconds: lag.lagOf(key, at) / 1000 }))
      .filter(({ seconds }) => seconds > 0)
    return {
      queueDepth: queue.depth,
      running: queue.running,
      lag: behind,
      maxLagSeconds: lag.maxLag(at) / 1000,
      ...(resync.lastAt === undefined ? {} : { lastFullResyncAt: new Date(resync.lastAt).toISOString() }),
      engine: engine.state,
      watch: { connected: watch.connected },
      firewall: firewall.state,
      ready: resync.isComplete
    }
  }

  resync(): void {
    this.#deps.resync.run('asked').catch(this.#deps.onResyncError)
  }
}

function toFunctionContainer({ id, name, state, createdAt, networks, ports }: ContainerSummary): FunctionContainer {
  return {
    id,
    name,
    ipAddress: Object.values(networks).find(({ ipAddress }) => ipAddress !== '')?.ipAddress ?? '',
    status: state,
    ports: Object.fromEntries(ports.map(binding => [`${binding.containerPort}/tcp`, formatHostPort(binding)])),
    createdAt: new Date(createdAt).toISOString()
  }
}
