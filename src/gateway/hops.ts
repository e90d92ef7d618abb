import type { IncomingMessage } from 'node:http'

/** By which each gateway that a call passes through is told, and so how often it came round. Source: RFC 8586. */
export const HOPS_HEADER = 'CDN-Loop'
/** Of this program, whichever installation: calls that go round between two of them end as well. */
const OWN = 'docker-faas'

/** How often the call that this request is part of has passed through a gateway of this kind. */
export function hopsOf({ headers }: IncomingMessage): number {
  const said = headers['cdn-loop']
  if (said === undefined) return 0
  let hops = 0
  for (const entry of String(said).split(',')) if (idOf(entry) === OWN) hops++
  return hops
}

/** Value of the header with this gateway added. */
export function nextHops({ headers }: IncomingMessage): string {
  const said = headers['cdn-loop']
  return said === undefined || said === '' ? OWN : `${String(said)}, ${OWN}`
}

function idOf(entry: string): string {
  const end = entry.indexOf(';')
  return (end < 0 ? entry : entry.slice(0, end)).trim().toLowerCase()
}
