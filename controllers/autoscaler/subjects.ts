import type { FunctionObject } from '../../api/function.ts'
import { keyOf } from '../../api/meta.ts'
import { type Scaling, scalingOf } from '../../api/scaling.ts'
import type { Clock } from '../../src/clock.ts'
import type { Change } from '../../src/store/store.ts'

/** What the autoscaler knows of a function without asking the database. Instants are monotonic milliseconds. */
export interface Known {
  readonly uid: string
  readonly generation: number
  readonly labels: FunctionObject['metadata']['labels']
  readonly scaling: Scaling
  readonly replicas: number
  readonly ready: number
  readonly isPinned: boolean
  readonly isAlerted: boolean
  /** Since when its replicas are to be frozen. */
  readonly frozenAt?: number
  /** When the number of wanted replicas last changed. */
  readonly steppedAt: number
  /** When somebody last wanted it to run: it was deployed, woken or thawed. */
  readonly wantedAt: number
}

/** What is known of each function: read once, and kept by what is written down. */
export class Subjects {
  readonly #clock: Clock
  readonly #known = new Map<string, Known>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get(key: string): Known | undefined {
    return this.#known.get(key)
  }

  keys(): string[] {
    return [...this.#known.keys()]
  }

  /** Takes in a list, but for what was told of since it was asked for. */
  load(objects: readonly FunctionObject[]): void {
    for (const object of objects) {
      if (!this.#known.has(keyOf(object.metadata))) this.note({ type: 'MODIFIED', object })
    }
  }

  /** Whether the change may change a decision. */
  note({ type, object }: Change): boolean {
    const key = keyOf(object.metadata)
    const before = this.#known.get(key)
    if (type === 'DELETED' || object.metadata.deletionRequestedAt !== undefined) {
      // One that was made again has taken its place already.
      return before?.uid === object.metadata.uid && this.#known.delete(key)
    }
    const known = this.read(object)
    this.#known.set(key, known)
    return before === undefined || !isAlike(before, known)
  }

  /** The same of an object that was read just now. */
  read({ metadata, spec, scale, status }: FunctionObject): Known {
    const { uid, generation, labels } = metadata
    const now = this.#clock.monotonic()
    const same = this.#known.get(keyOf(metadata))
    const before = same?.uid === uid ? same : undefined
    const isSame = before?.generation === generation
    const known = {
      ...{ uid, generation, labels, replicas: spec.replicas, ready: status.readyReplicas },
      scaling: before !== undefined && isSame ? before.scaling : scalingOf(metadata),
      isPinned: scale?.pinned === true,
      isAlerted: scale?.alerted === true,
      ...frozenAt(scale?.frozenSince, before, { now, wall: this.#clock.now() }),
      steppedAt: before?.replicas === spec.replicas ? before.steppedAt : now
    }
    return { ...known, wantedAt: before !== undefined && !isWantedAnew(before, known) ? before.wantedAt : now }
  }
}

/** Of a function that was frozen before the start of the process, as long ago as the clock of the wall says. */
function frozenAt(since: string | undefined, before: Known | undefined, { now, wall }: { now: number; wall: number }) {
  if (since === undefined) return {}
  return { frozenAt: before?.frozenAt ?? (before === undefined ? now - Math.max(0, wall - Date.parse(since)) : now) }
}

/** Whether it was deployed, woken or thawed; a change of its size alone says nothing of whether it is needed. */
function isWantedAnew(before: Known, after: Omit<Known, 'wantedAt'>): boolean {
  if (before.replicas === 0 && after.replicas > 0) return true
  if (before.frozenAt !== undefined && after.frozenAt === undefined) return true
  return (
    before.isPinned !== after.isPinned || (before.generation !== after.generation && before.replicas === after.replicas)
  )
}

function isAlike(before: Known, after: Known): boolean {
  return (
    before.uid === after.uid &&
    before.generation === after.generation &&
    before.replicas === after.replicas &&
    before.ready === after.ready &&
    before.isPinned === after.isPinned &&
    before.isAlerted === after.isAlerted &&
    before.frozenAt === after.frozenAt
  )
}
