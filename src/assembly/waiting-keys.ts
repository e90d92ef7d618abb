import { getCondition } from '../../api/condition.ts'
import type { FunctionObject } from '../../api/function.ts'
import { keyOf } from '../../api/meta.ts'

/** What functions wait for without an event of their own telling when it comes. */
export type Wait = 'pull' | 'space'

/** Which functions wait for what, as their conditions say. */
export class WaitingKeys {
  readonly #keys: Readonly<Record<Wait, Set<string>>> = { pull: new Set(), space: new Set() }
  readonly #add: (key: string) => void

  constructor(add: (key: string) => void) {
    this.#add = add
  }

  note({ metadata, status }: FunctionObject): void {
    const waits: Record<Wait, boolean> = {
      pull: getCondition(status.conditions, 'Progressing')?.reason === 'ImagePulling',
      space: getCondition(status.conditions, 'Degraded')?.reason === 'DiskPressure'
    }
    const key = keyOf(metadata)
    for (const wait of ['pull', 'space'] as const) {
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
