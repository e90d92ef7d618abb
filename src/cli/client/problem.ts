import type { FieldError } from '../../../api/errors.ts'
import { CliError, EXIT, type ExitCode } from '../exit-code.ts'
import { terminalSafe } from './terminal.ts'

/** What is read of an answer that refuses: of `application/problem+json` (RFC 9457), or of the text of a proxy. */
interface Refusal {
  readonly detail: string
  readonly code?: string
  readonly errors?: readonly FieldError[]
}

/** The gateway refused a request. `code` is that of its problem: stable, and absent when a proxy answered. */
export class GatewayError extends CliError {
  override name = 'GatewayError'
  readonly status: number
  readonly code: string | undefined
  /** Fields that are wrong. */
  readonly errors: readonly FieldError[]
  constructor(refusal: Pick<Refusal, 'code' | 'errors'> & { readonly status: number }, message: string) {
    super(message, exitCodeOf(refusal))
    this.status = refusal.status
    this.code = refusal.code
    this.errors = refusal.errors ?? []
  }
}

const MAX_TEXT = 2000

/** The error of an answer that is no success, in lines for people. `remedy` is said of credentials that are not good. */
export function refusalOf(status: number, body: string, remedy: string): GatewayError {
  const refusal = read(body)
  const { detail, errors = [] } = refusal
  const head = `the gateway answered ${status}`
  if (errors.length > 1) {
    const lines = errors.map(({ field, message }) => `\n  ${field === '' ? '' : `${safe(field)}: `}${safe(message)}`)
    return new GatewayError({ status, ...refusal }, `${head}, ${errors.length} things are wrong:${lines.join('')}`)
  }
  const help = status === 401 ? `\n${remedy}` : ''
  return new GatewayError({ status, ...refusal }, `${head}: ${safe(detail)}${help}`)
}

/** Credentials are what a 403 is about when it says so, or nothing: a policy or a quota refuses whoever asks. */
function exitCodeOf({ status, code = 'FORBIDDEN' }: Pick<Refusal, 'code'> & { readonly status: number }): ExitCode {
  if (status === 401 || (status === 403 && code === 'FORBIDDEN')) return EXIT.denied
  return status === 404 ? EXIT.notFound : EXIT.failed
}

function read(body: string): Refusal {
  try {
    const problem = JSON.parse(body) as Refusal | null
    if (typeof problem?.detail === 'string') return problem
  } catch {
    // Not a problem of ours: a proxy may stand before the gateway, and OpenFaaS routes answer in plain text.
  }
  const text = body.trim()
  return { detail: text === '' ? 'without a word' : text.slice(0, MAX_TEXT) }
}

function safe(text: string): string {
  return terminalSafe(text)
}

const UNKNOWN_CERTIFICATE: ReadonlySet<string> = new Set([
  ...['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ...['UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'CERT_UNTRUSTED', 'CERT_SIGNATURE_FAILURE']
])

/** What a connection that was not made means for people, and what helps. */
export function connectionError(url: string, err: unknown, remedy: string): CliError {
  const { code = '', message = String(err) } = err as { code?: string; message?: string }
  const because = (text: string) => new CliError(text, EXIT.unreachable)
  if (UNKNOWN_CERTIFICATE.has(code)) {
    return because(
      `the certificate of ${url} is signed by nobody that is known here (${code}): name the file of its CA with --ca-file`
    )
  }
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    return because(`the certificate of ${url} is not good at this time (${code}): renew it, or set the clock`)
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return because(`the certificate of ${url} is for another name: ${terminalSafe(message)}`)
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL')) return because(`${url} does not speak TLS: is it http://?`)
  return new CliError(`no gateway answers at ${url}: ${remedy}`, EXIT.unreachable, { cause: err })
}
