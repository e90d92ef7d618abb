import { getCondition } from '../../api/condition.ts'
import type { FunctionObject } from '../../api/function.ts'
import { keyOf } from '../../api/meta.ts'

/** What functions wait for without an event of their own telling when it comes. */
const WAITS = ['pull', 'space', 'credentials'] as const
export type Wait = (typeof WAITS)[number]

/** Which functions wait for what, as their conditions say. */
export class WaitingKeys {
  readonly #keys: Readonly<Record<Wait, Set<string>>> = {
    pull: new Set(),
    space: new Set(),
    credentials: new Set()
  }
  readonly #add: (key: string) => void

  constructor(add: (key: string) => void) {
    this.#add = add
  }

  note({ metadata, status }: FunctionObject): void {
    const fault = getCondition(status.conditions, 'Degraded')?.reason
    const waits: Record<Wait, boolean> = {
      pull: getCondition(status.conditions, 'Progressing')?.reason === 'ImagePulling',
      space: fault === 'DiskPressure',
      credentials: fault === 'ImagePullUnauthorized'
    }
    const key = keyOf(metadata)
    for (const wait of WAITS) {
      if (waits[wait]) this.#keys[wait].add(key)
      else this.#keys[wait].delete(key)
    }
  }

  forget(key: string): void {
    for (const keys of Object.values(this.#keys)) keys.delete(key)
  }

  /** What they wait for may be there. */
  wake(wait: Wait): void {
    for (const key of this.#keys[wait]) this.#add(key)
  }
}
