import type { FunctionObject } from '../../api/function.ts'
import { LABEL } from '../../api/labels.ts'
import type { Route } from '../../src/gateway/endpoints.ts'
import type { FakeEngine } from '../helpers/fake-engine.ts'

interface RolledOut {
  readonly generation: number
  readonly hash: string | undefined
  /** When the last of its containers was made. */
  readonly newest: number
}

/** Which revision of each function was rolled out last, so that no call is answered by one from before (I9). */
export class Revisions {
  readonly #engine: FakeEngine
  /** By uid. */
  readonly #rolledOut = new Map<string, RolledOut>()

  constructor(engine: FakeEngine) {
    this.#engine = engine
  }

  /** Everything of the function is as its status says, and it says so of this generation. */
  converged({ metadata, status }: FunctionObject): void {
    const own = this.#engine.containers().filter(({ labels }) => labels[LABEL.uid] === metadata.uid)
    const newest = Math.max(0, ...own.map(({ createdAt }) => createdAt))
    this.#rolledOut.set(metadata.uid, { generation: status.observedGeneration, hash: status.specHash, newest })
  }

  /** Containers that may take calls by this route, and must not. */
  outlived({ uid, endpoints }: Route): string[] {
    const last = this.#rolledOut.get(uid)
    if (last === undefined) return []
    return endpoints.flatMap(({ containerId }) => {
      const container = this.#engine.containers().find(({ id }) => id === containerId)
      if (container === undefined || container.labels[LABEL.specHash] === last.hash) return []
      const generation = Number(container.labels[LABEL.generation])
      // Another content of a secret is another revision of the same generation.
      const isLater =
        generation > last.generation || (generation === last.generation && container.createdAt > last.newest)
      return isLater ? [] : [container.name]
    })
  }
}
