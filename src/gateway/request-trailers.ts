import type { IncomingMessage } from 'node:http'
import { connectionTokens, type FlatHeaders, isForwarded, isOurs, NOT_IN_TRAILERS } from './headers.ts'

/** What decides who asks for what, beside what no trailer may hold: it was looked at before the body came. */
const NOT_IN_REQUESTS = new Set(['authorization', 'cookie'])
const NAME = /^[!#$%&'*+.^_`|~\w-]+$/

/** Names of the trailers that the client announces behind a body in chunks, and that may reach a function; absent: there are none. */
export function announcedTrailers({ headers }: IncomingMessage): ReadonlySet<string> | undefined {
  if (headers.trailer === undefined || headers['transfer-encoding'] === undefined) return undefined
  const listed = connectionTokens(headers.connection)
  const names = headers.trailer
    .toLowerCase()
    .split(',')
    .map(name => name.trim())
  const passed = names.filter(name => NAME.test(name) && isTrailer(name) && listed?.has(name) !== true)
  return passed.length === 0 ? undefined : new Set(passed)
}

/** The trailers of a request that has ended, as far as they were announced. */
export function trailersOf({ rawTrailers }: IncomingMessage, announced: ReadonlySet<string>): FlatHeaders {
  const out: FlatHeaders = []
  for (let i = 0; i + 1 < rawTrailers.length; i += 2) {
    const [name = '', value = ''] = [rawTrailers[i], rawTrailers[i + 1]]
    if (announced.has(name.toLowerCase())) out.push(name, value)
  }
  return out
}

function isTrailer(lower: string): boolean {
  return !NOT_IN_TRAILERS.has(lower) && !NOT_IN_REQUESTS.has(lower) && !isOurs(lower) && !isForwarded(lower)
}
