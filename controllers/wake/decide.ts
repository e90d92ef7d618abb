import type { FunctionObject, FunctionScale } from '../../api/function.ts'
import { scalingOf } from '../../api/scaling.ts'

/** What is to be written of a function's size. */
export interface Awake {
  readonly replicas: number
  readonly scale?: FunctionScale
}

/**
 * The size of a function that a call waits for; undefined when it is to run already. From zero it comes back with the least
 * that its autoscaler leaves, and nobody's wish for zero holds any more. From being frozen it comes back as it was, and a zero
 * that was written since is of whoever knew that it ran. Pure.
 */
export function decideAwake(
  { metadata, spec, scale }: FunctionObject,
  from: 'zero' | 'frozen',
  most: number
): Awake | undefined {
  const { frozenSince, pinned } = scale ?? {}
  if (spec.replicas > 0 && frozenSince === undefined) return undefined
  if (spec.replicas === 0 && from === 'frozen') return undefined
  if (spec.replicas === 0) return { replicas: Math.max(1, Math.min(scalingOf(metadata).min, most)) }
  return { replicas: spec.replicas, ...(pinned === undefined ? {} : { scale: { pinned } }) }
}
