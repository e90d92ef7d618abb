import type { EndpointTable } from './endpoints.ts'

/** What becomes of a call now: sent, held, or refused because the function sleeps, cannot come up, or is unknown. */
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
  if (isPending(key)) return 'wait'
  if (route.replicas === 0) return 'asleep'
  return route.trouble === undefined ? 'wait' : 'troubled'
}
