import type { Endpoint } from './endpoints.ts'
import type { Inflight } from './inflight.ts'

/** What the choice looks at beside the endpoints. */
export interface Choice {
  readonly inflight: Pick<Inflight, 'count'>
  /** In [0, 1). */
  readonly random: () => number
  /** Container ids that are not to be used again for this call. */
  readonly tried?: ReadonlySet<string> | undefined
  /** A container with this many calls gets no more. */
  readonly maxPerEndpoint: number
}

/**
 * The less busy of two endpoints chosen at random, out of those not tried; undefined when none is left or all are full.
 * The caller counts the call in the same tick, so that two calls never see the same count.
 * Source: Mitzenmacher, The Power of Two Choices.
 */
export function pickEndpoint(endpoints: readonly Endpoint[], choice: Choice): Endpoint | undefined {
  const { tried } = choice
  const open = tried === undefined ? endpoints : endpoints.filter(e => !tried.has(e.containerId))
  const picked = lessBusyOfTwo(open, choice)
  if (picked === undefined || choice.inflight.count(picked.containerId) < choice.maxPerEndpoint) return picked
  return open.find(e => choice.inflight.count(e.containerId) < choice.maxPerEndpoint)
}

function lessBusyOfTwo(open: readonly Endpoint[], { inflight, random }: Choice): Endpoint | undefined {
  const n = open.length
  if (n < 2) return open[0]
  const first = Math.floor(random() * n)
  const second = (first + 1 + Math.floor(random() * (n - 1))) % n
  const a = open[first]
  const b = open[second]
  if (a === undefined || b === undefined) return a ?? b
  return inflight.count(b.containerId) < inflight.count(a.containerId) ? b : a
}
