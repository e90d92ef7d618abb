import type { EndpointTable, Route } from './endpoints.ts'

/** What becomes of a call now: sent, held, held until its function is woken, or refused as that cannot come up, or is unknown. */
export type Turn = 'go' | 'wait' | 'asleep' | 'troubled' | 'unknown'

export interface Known {
  readonly table: Pick<EndpointTable, 'get' | 'isComplete'>
  /** Whether the loop is about to look at the function, or does: an endpoint may be about to appear. */
  readonly isPending: (key: string) => boolean
}

/** What becomes of a call to the function now. */
export function turnOf(key: string, { table, isPending }: Known): Turn {
  const route = table.get(key)
  if (route === undefined) return table.isComplete && !isPending(key) ? 'unknown' : 'wait'
  if (route.endpoints.length > 0) return 'go'
  // Before what is pending: a look that is about to end does not wake it.
  if (isAsleep(route)) return 'asleep'
  return isPending(key) || route.trouble === undefined ? 'wait' : 'troubled'
}

/** Whether a call waits. */
export function isWaiting(turn: Turn): turn is 'wait' | 'asleep' {
  return turn === 'wait' || turn === 'asleep'
}

/** Whether calls have to wait until it is woken: nothing of it is wanted, or it is frozen. */
export function isAsleep({ replicas, endpoints, frozen }: Route): boolean {
  return endpoints.length === 0 && (replicas === 0 || frozen !== undefined)
}
