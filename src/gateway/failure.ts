/** What an attempt that failed before its answer began means for its call. */
export type Failure =
  /** undici would not send it at all. */
  | 'invalid'
  /** No connection could be made. */
  | 'unreachable'
  /** This side is short of something, or the endpoint left the table meanwhile. */
  | 'local'
  /** The connection went away without a byte of an answer. */
  | 'lost'
  /** What came is no HTTP answer. */
  | 'broken'

const LOCAL = new Set(['UND_ERR_CLOSED', 'UND_ERR_DESTROYED', 'EMFILE', 'ENFILE', 'ENOBUFS', 'EADDRNOTAVAIL'])
const INVALID = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED'])
const LOST = new Set([
  'UND_ERR_SOCKET',
  'ECONNRESET',
  'EPIPE',
  'ECONNABORTED',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH'
])

/** What the error of an attempt means, given how far the attempt got. */
export function failureOf(error: Error, attempt: { readonly isSent: boolean; readonly isAnswered: boolean }): Failure {
  const code = 'code' in error ? String(error.code) : ''
  if (INVALID.has(code)) return 'invalid'
  if (!attempt.isSent) return LOCAL.has(code) ? 'local' : 'unreachable'
  return !attempt.isAnswered && LOST.has(code) ? 'lost' : 'broken'
}

/** Whether no connection could be made in time. */
export function isConnectTimeout(error: Error): boolean {
  return 'code' in error && (error.code === 'UND_ERR_CONNECT_TIMEOUT' || error.code === 'ETIMEDOUT')
}

/** Methods that may be carried out twice without harm. PUT and DELETE ought to be, but functions are not written so. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Whether the method promises that a second call does no harm. */
export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method)
}
