import type { FunctionObject } from '../../api/function.ts'
import type { Desired } from './desired.ts'
import type { Observed } from './observed.ts'

/** What a pass knows at its end. */
export interface PassResult {
  readonly object: FunctionObject
  readonly desired: Desired
  /** The last observation; absent when the engine could not be read. */
  readonly observed?: Observed | undefined
  /** What stopped the pass, if something did. */
  readonly failure?: unknown
  /** Milliseconds since the epoch. */
  readonly now: number
}
