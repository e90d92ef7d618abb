import type { FunctionObject } from '../../api/function.ts'
import type { Desired } from './desired.ts'
import type { Step } from './step.ts'

/** The object that the steps are for, and what is wanted of it. */
export interface Target {
  readonly object: FunctionObject
  readonly desired: Desired
  /** Whether a replica of this very revision answers, so that more of them will hardly all fail. */
  readonly isProven: boolean
  /** Told of each step that succeeded. */
  readonly onDone?: (step: Step) => void
}
