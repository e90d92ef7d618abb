import type { IncomingMessage } from 'node:http'
import { isEncrypted, peerAddressOf } from '../peer.ts'
import { HOPS_HEADER, nextHops } from './hops.ts'

/** Name, value, name, value: the form that node:http and undici both take and give. */
export type FlatHeaders = string[]

/** Name, value, name, value, as a function's answer comes: bytes are Latin-1. */
export type RawHeaders = readonly (Buffer | string)[]

/** What belongs to one connection and not to the message. Source: RFC 9110 7.6.1. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade'
])

/** What the gateway writes itself, or what a caller must not write. */
const REPLACED_IN_REQUEST = new Set([
  'host',
  'content-length',
  'cdn-loop',
  'expect',
  // CGI programs take it for HTTP_PROXY. Source: CVE-2016-5385 and its kin.
  'proxy',
  'x-call-id',
  'x-start-time',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-openfaas-internal'
])

/** What proxies say of the client. Anybody else's word for it is worth nothing. */
const FORWARDED =
  /^(?:forwarded|x-forwarded-.+|x-real-ip|x-client-ip|true-client-ip|x-original-(?:url|uri|host|forwarded-for)|x-rewrite-url)$/

const REPLACED_IN_RESPONSE = new Set([
  'cdn-loop',
  'x-start-time',
  'x-served-by',
  'x-openfaas-internal',
  'x-docker-faas-reason',
  // It would let the script of a function stand between a browser and the pages of the gateway.
  'service-worker-allowed'
])

/** What must not come behind a body: framing, routing and what was decided by the head. Source: RFC 9110 6.5.1. */
export const NOT_IN_TRAILERS = new Set([
  'content-length',
  'content-encoding',
  'content-type',
  'host',
  'set-cookie',
  'x-call-id'
])

const CALL_ID = /^[-_A-Za-z0-9.]{1,128}$/

/** The call id that the client gave, if it is fit to be logged and passed on. */
export function clientCallId(req: IncomingMessage): string | undefined {
  const given = req.headers['x-call-id']
  return typeof given === 'string' && CALL_ID.test(given) ? given : undefined
}

/** Unix nanoseconds of Unix milliseconds, as text: the number would lose its last digits. */
export function toUnixNanos(ms: number): string {
  return `${Math.trunc(ms)}000000`
}

export interface CallMarks {
  readonly callId: string
  /** Unix nanoseconds. */
  readonly startTime: string
}

/**
 * The headers that the function sees, in the client's order and case: without what belongs to the client's connection,
 * then ours, which the client's `Connection` header therefore cannot take away. `Host` is undici's to write. `isTrusted`: the
 * client is a proxy whose word about its own client is passed on, and added to.
 */
export function toUpstreamHeaders(req: IncomingMessage, marks: CallMarks, isTrusted: boolean): FlatHeaders {
  const raw = req.rawHeaders
  const listed = connectionTokens(req.headers.connection)
  const out: FlatHeaders = []
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? ''
    const lower = name.toLowerCase()
    if (isOurs(lower) || listed?.has(lower) === true || (!isTrusted && isForwarded(lower))) continue
    out.push(name, raw[i + 1] ?? '')
  }
  const { headers } = req
  if (headers['content-length'] !== undefined) out.push('Content-Length', headers['content-length'])
  if (headers.te !== undefined && /\btrailers\b/i.test(String(headers.te))) out.push('TE', 'trailers')
  out.push('X-Call-Id', marks.callId, 'X-Start-Time', marks.startTime, HOPS_HEADER, nextHops(req))
  pushForwarded(out, req, isTrusted)
  return out
}

function pushForwarded(out: FlatHeaders, req: IncomingMessage, isTrusted: boolean): void {
  const { headers } = req
  const given = (name: string) => (isTrusted && headers[name] !== undefined ? String(headers[name]) : undefined)
  out.push('X-Forwarded-For', join(given('x-forwarded-for'), peerAddressOf(req) ?? 'unknown'))
  out.push('X-Forwarded-Host', given('x-forwarded-host') ?? headers.host ?? '')
  out.push('X-Forwarded-Proto', given('x-forwarded-proto') ?? (isEncrypted(req) ? 'https' : 'http'))
}

/** Programs that read headers as CGI variables cannot tell an underscore from a hyphen. */
export function isOurs(lower: string): boolean {
  const name = lower.includes('_') ? lower.replaceAll('_', '-') : lower
  return HOP_BY_HOP.has(name) || REPLACED_IN_REQUEST.has(name)
}

export function isForwarded(lower: string): boolean {
  return FORWARDED.test(lower.includes('_') ? lower.replaceAll('_', '-') : lower)
}

export interface ResponseMarks extends CallMarks {
  /** Whether the gateway made the call id: only then does the answer carry it. */
  readonly generated: boolean
  readonly servedBy: string
}

/** What of the message decides how its answer may be framed. */
export interface AnswerShape {
  readonly status: number
  /** Whether the answer goes out in chunks unless it has a length. */
  readonly chunkable: boolean
}

/** The headers that the client sees, each as often, in the order and in the case in which the function sent it, and ours. */
export function toClientHeaders(raw: RawHeaders, shape: AnswerShape, marks: ResponseMarks): FlatHeaders {
  const out: FlatHeaders = []
  const seen: Seen = {}
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = latin1(raw[i])
    const lower = name.toLowerCase()
    const value = latin1(raw[i + 1])
    if (isNoted(lower)) seen[lower] = join(seen[lower], value)
    if (!HOP_BY_HOP.has(lower) && !REPLACED_IN_RESPONSE.has(lower)) out.push(name, value)
  }
  dropNamed(out, connectionTokens(seen.connection))
  const length = seen['content-length'] !== undefined
  const coded = seen['transfer-encoding'] !== undefined
  if (length && (coded || shape.status === 204 || shape.status < 200)) dropNamed(out, CONTENT_LENGTH)
  // node:http refuses a Trailer header on an answer that does not go out in chunks.
  if (seen.trailer !== undefined && shape.chunkable && (!length || coded)) out.push('Trailer', seen.trailer)
  // It says what would be taken. Source: RFC 9110 15.5.22.
  if (seen.upgrade !== undefined && shape.status === 426) out.push('Upgrade', seen.upgrade, 'Connection', 'Upgrade')
  if (marks.generated) out.push('X-Call-Id', marks.callId)
  out.push('X-Start-Time', marks.startTime, 'X-Served-By', marks.servedBy)
  return out
}

/** The trailers that the client sees, as pairs. */
export function toClientTrailers(raw: RawHeaders): [string, string][] {
  const out: [string, string][] = []
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = latin1(raw[i])
    const lower = name.toLowerCase()
    if (HOP_BY_HOP.has(lower) || REPLACED_IN_RESPONSE.has(lower) || NOT_IN_TRAILERS.has(lower)) continue
    out.push([name, latin1(raw[i + 1])])
  }
  return out
}

const CONTENT_LENGTH: ReadonlySet<string> = new Set(['content-length'])

/** Framing is decided by what the parser read, so naming one of these in `Connection` changes nothing. */
const NEVER_LISTED = new Set(['content-length', 'host', 'transfer-encoding'])

/** Lower-case names in a `Connection` header, beyond those that are dropped anyway. */
export function connectionTokens(value: string | undefined): ReadonlySet<string> | undefined {
  if (value === undefined || value === 'keep-alive' || value === 'close') return undefined
  const tokens = value
    .toLowerCase()
    .split(',')
    .map(t => t.trim())
  return new Set(tokens.filter(t => t !== '' && !NEVER_LISTED.has(t)))
}

function dropNamed(flat: FlatHeaders, names: ReadonlySet<string> | undefined): void {
  if (names === undefined) return
  for (let i = flat.length - 2; i >= 0; i -= 2) {
    if (names.has((flat[i] ?? '').toLowerCase())) flat.splice(i, 2)
  }
}

/** Headers that decide over others. */
const NOTED = ['connection', 'content-length', 'trailer', 'transfer-encoding', 'upgrade'] as const
type Noted = (typeof NOTED)[number]
const NOTED_NAMES: ReadonlySet<string> = new Set(NOTED)
type Seen = Partial<Record<Noted, string>>

function join(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before}, ${value}`
}

function isNoted(lower: string): lower is Noted {
  return NOTED_NAMES.has(lower)
}

function latin1(bytes: Buffer | string | undefined): string {
  return typeof bytes === 'string' ? bytes : (bytes?.toString('latin1') ?? '')
}
