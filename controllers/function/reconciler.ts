import type { FunctionObject } from '../../api/function.ts'
import { keyOf } from '../../api/meta.ts'
import type { ContainerSummary } from '../../src/engine/engine.ts'
import type { Reconciler, Result } from '../../src/runtime/reconciler.ts'
import type { Waker } from '../wake/waker.ts'
import { heldObject } from './held.ts'
import { listReplicas } from './listed.ts'
import { type PassDeps, runHeldPass, runPass } from './pass.ts'
import { type PreviewDeps, previewPass } from './preview.ts'
import { Report, type ReportDeps } from './report.ts'
import { isThawing, type ThawDeps } from './thaw.ts'

export interface FunctionReconcilerDeps extends PassDeps, ReportDeps, ThawDeps {
  readonly engine: PassDeps['engine'] & ThawDeps['engine']
  readonly endpoints: PassDeps['endpoints'] & ReportDeps['endpoints'] & ThawDeps['endpoints']
  readonly prober: PassDeps['prober'] & PreviewDeps['prober']
  readonly departures: PassDeps['departures']
  readonly log: PassDeps['log']
  /** Says which functions calls wait for; nobody waits when left out. */
  readonly waker?: Pick<Waker, 'wakingOf' | 'met'>
}

/** A pass costs what the first calls after a thaw need: it comes after them. */
const THAWED_MS = 50

/** Keeps one function's containers, network, endpoints and status as its spec says. */
export class FunctionReconciler implements Reconciler {
  readonly name = 'function'
  readonly #deps: FunctionReconcilerDeps
  readonly #passDeps: PassDeps
  readonly #report: Report

  constructor(deps: FunctionReconcilerDeps) {
    this.#deps = deps
    this.#passDeps = { ...deps, isWanted: key => deps.waker?.wakingOf(key) !== undefined }
    this.#report = new Report(deps)
  }

  async reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const { functions, waker } = this.#deps
    // Before the object is read: what is read thereafter says as much once it is written.
    const waking = waker?.wakingOf(key)
    if (waking !== undefined && (await isThawing(this.#deps, waking, signal))) return { requeueAfter: THAWED_MS }
    const object = await functions.get(key)
    if (object === undefined) return this.#forget(key, signal)
    const pass = await runPass(this.#passDeps, object, { signal, isWanted: waking !== undefined })
    if (await this.#report.write(object, pass)) return {}
    if (pass.failure !== undefined) throw pass.failure
    if (waking !== undefined && !pass.interrupted) await waker?.met(waking)
    return pass.requeueAfter === undefined ? {} : { requeueAfter: pass.requeueAfter }
  }

  /** Nothing is written down of it. Whose row was lost serves on, until a person decides. */
  async #forget(key: string, signal: AbortSignal): Promise<Result> {
    const held = await heldObject(this.#deps, key, signal)
    if (held !== undefined) await runHeldPass(this.#deps, held, signal)
    else {
      this.#deps.endpoints.remove(key)
      this.#deps.onGone(key)
    }
    return {}
  }

  /** The steps that a pass would do for this object now, as text; does none of them. */
  preview(object: FunctionObject, signal: AbortSignal): Promise<string[]> {
    return previewPass(this.#deps, object, signal)
  }

  /** The containers that the engine lists for the object now. */
  async containers(object: FunctionObject, signal: AbortSignal): Promise<readonly ContainerSummary[]> {
    const heir = this.#deps.heirOf?.(object)
    return (await listReplicas(this.#deps, keyOf(object.metadata), { heir, signal })).replicas
  }
}
