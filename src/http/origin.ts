import type { IncomingHttpHeaders } from 'node:http'

/** Any page; but it may not use what the browser sends by itself, see `foreignOrigin`. */
const ANY = '*'
const MAX_SHOWN = 128
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Whether a page of this origin may read what the API answers, by `CORS_ALLOWED_ORIGINS`: it is named, or any is. */
export function isAllowedOrigin(origin: string, allowed: readonly string[]): 'named' | 'any' | undefined {
  if (allowed.some(item => item.toLowerCase() === origin.toLowerCase())) return 'named'
  return allowed.includes(ANY) ? 'any' : undefined
}

/**
 * The origin of the page that had a browser send this request, when it would change something and the page may not;
 * undefined for the gateway's own pages, for those that are allowed, and for all that is no browser. A page that only
 * `*` allows must bring its credentials itself: a browser sends those of Basic, and cookies, for any page. `method` is
 * undefined for what may change something whatever its method, as a WebSocket may.
 * Source: Fetch metadata (W3C), RFC 6454; a browser lets no script write `Origin` and `Sec-Fetch-Site`.
 */
export function foreignOrigin(
  method: string | undefined,
  headers: IncomingHttpHeaders,
  allowed: readonly string[]
): string | undefined {
  const { origin, host } = headers
  const site = headers['sec-fetch-site']
  if (SAFE_METHODS.has(method ?? '') || (origin === undefined && site === undefined)) return undefined
  if (site === 'same-origin' || site === 'none') return undefined
  if (origin === undefined) return 'another site'
  if (site === undefined && isSameHost(origin, host)) return undefined
  const verdict = isAllowedOrigin(origin, allowed)
  if (verdict === 'named' || (verdict === 'any' && !hasAmbientCredentials(headers))) return undefined
  return origin
}

/** Why a page may not do that, and what would let it. */
export function refusalOf(origin: string): string {
  return `a page of ${origin.slice(0, MAX_SHOWN)} may change nothing here: name its origin in CORS_ALLOWED_ORIGINS if it should`
}

/**
 * Whether a page of the gateway's own origin has a browser send the password that it keeps. Only functions have pages there, and
 * what they answer is their own doing: whoever logs in to the API by browser must not hand it to each function whose page is opened
 * later. NOTE: over plain HTTP browsers say nothing of pages that only read, but on localhost.
 */
export function isOfFunctionPage(headers: IncomingHttpHeaders): boolean {
  const { origin, host, authorization } = headers
  if (authorization === undefined || isBearer(authorization)) return false
  const site = headers['sec-fetch-site']
  return site === undefined ? origin !== undefined && isSameHost(origin, host) : site === 'same-origin'
}

function isBearer(authorization: string): boolean {
  return /^bearer /i.test(authorization)
}

function hasAmbientCredentials({ authorization, cookie }: IncomingHttpHeaders): boolean {
  return cookie !== undefined || (authorization !== undefined && !isBearer(authorization))
}

/** Older browsers, and all over plain HTTP, send no `Sec-Fetch-Site`: then the name in the address bar decides. */
function isSameHost(origin: string, host: string | undefined): boolean {
  const page = URL.parse(origin)
  const asked = host === undefined || page === null ? null : URL.parse(`${page.protocol}//${host}`)
  return page !== null && asked !== null && page.host !== '' && page.host === asked.host
}
