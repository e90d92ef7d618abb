import type { FunctionObject } from '../../api/function.ts'
import { keyOf } from '../../api/meta.ts'
import { type HeldDeps, heldObject } from './held.ts'
import { type ImageDeps, peekImage } from './image.ts'
import { type ObjectDeps, observeObject } from './look.ts'
import { planFunction } from './plan.ts'
import type { Prober } from './prober.ts'
import type { ProbeTarget } from './readiness.ts'
import { formatStep } from './step.ts'
import { desire, type WantedDeps } from './wanted.ts'

export interface PreviewDeps extends ObjectDeps, ImageDeps, HeldDeps, WantedDeps {
  readonly engine: ObjectDeps['engine'] & ImageDeps['engine'] & HeldDeps['engine']
  readonly prober: ObjectDeps['prober'] & Pick<Prober, 'peek'>
  readonly instance: string
  readonly signer: ObjectDeps['signer']
  readonly gatewayId: WantedDeps['gatewayId']
  readonly now: () => number
}

/** What a pass would do now, a line for each. Changes nothing and pulls nothing. */
export async function previewPass(deps: PreviewDeps, object: FunctionObject, signal: AbortSignal): Promise<string[]> {
  const held = await heldObject(deps, keyOf(object.metadata), signal)
  if (held !== undefined) return [`wait: generation ${held.metadata.generation} runs, which the database does not know`]
  const check = (target: ProbeTarget) => deps.prober.peek(target)
  const onlyLooking = { ...deps, prober: { check, rest: () => undefined, pardon: () => undefined } }
  const observed = await observeObject(onlyLooking, object, signal)
  const image = await peekImage(deps, object, signal)
  const { steps } = planFunction(await desire(deps, object, { image, observed, signal }), observed, deps.now())
  // A pull runs outside of passes and is no step of theirs, but it is what comes of this spec first.
  const pulls = image.state === 'pulling' && object.metadata.deletionRequestedAt === undefined
  return [...(pulls ? [`pull ${object.spec.image}: missing`] : []), ...steps.map(formatStep)]
}
