import type { IncomingMessage } from 'node:http'
import { HttpError } from './errors.ts'

/** More lines than browsers, proxies and clients send, and few enough to look at each. */
const MAX_HEADER_LINES = 200
/** A name or address and a port, without what another parser takes for a user, a path or a second host. Source: RFC 9110 7.2. */
const HOST = /^[\w.~!$&'()*+;=%:[\]-]*$/
/** Source: RFC 9112 3.2.2. */
const ABSOLUTE = /^https?:\/\/([^/?#]*)(.*)$/i

/**
 * Why the request is refused before anybody looks at what it wants: it has a head that two parsers may read in two ways, or more of
 * one than is looked at. Undefined when there is nothing against it; its `url` then begins with a slash (or is the `*` of OPTIONS).
 * Node's parser has refused most of what is malformed already; this is what it lets through.
 */
export function faultOfHead(req: IncomingMessage): HttpError | undefined {
  const { httpVersion, rawHeaders } = req
  if (httpVersion !== '1.1' && httpVersion !== '1.0') {
    return fault(505, 'HTTP_VERSION', 'only HTTP/1.1 and HTTP/1.0 are spoken here')
  }
  if (rawHeaders.length > 2 * MAX_HEADER_LINES) {
    return fault(431, 'HEADERS_TOO_LARGE', `a request may have at most ${MAX_HEADER_LINES} header lines`)
  }
  return faultOfHost(req) ?? faultOfCoding(req) ?? faultOfTarget(req)
}

function faultOfHost({ rawHeaders, headers }: IncomingMessage): HttpError | undefined {
  let hosts = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++
  }
  if (hosts > 1) return malformed('a request has one Host')
  return HOST.test(headers.host ?? '') ? undefined : malformed('Host must be a name or an address, and a port')
}

function faultOfCoding({ httpVersionMinor, headers }: IncomingMessage): HttpError | undefined {
  const coding = headers['transfer-encoding']
  if (coding === undefined) return undefined
  if (headers['content-length'] !== undefined || httpVersionMinor === 0) {
    return malformed('a request has a Content-Length or, in HTTP/1.1, a Transfer-Encoding, not both')
  }
  if (coding.trim().toLowerCase() === 'chunked') return undefined
  return fault(501, 'TRANSFER_CODING', 'the only transfer coding that is supported is chunked')
}

/** Makes the absolute form what it would have been with a path alone. */
function faultOfTarget(req: IncomingMessage): HttpError | undefined {
  const { url = '', method, headers } = req
  if (url.startsWith('/') || (url === '*' && method === 'OPTIONS')) return undefined
  const [, authority, rest = ''] = ABSOLUTE.exec(url) ?? []
  if (authority === undefined) return malformed('the target of a request begins with a slash')
  if (authority.toLowerCase() !== headers.host?.toLowerCase()) {
    return malformed('the target of the request names another host than Host')
  }
  req.url = rest.startsWith('/') ? rest : `/${rest}`
  return undefined
}

function malformed(detail: string): HttpError {
  return fault(400, 'MALFORMED', detail)
}

function fault(status: number, code: string, detail: string): HttpError {
  return new HttpError(status, code, detail)
}
