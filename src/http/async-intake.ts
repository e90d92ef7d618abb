import type { IncomingMessage, ServerResponse } from 'node:http'
import { FaasError } from '../../api/errors.ts'
import type { Enqueue } from '../../api/invocation.ts'
import { clientCallId, toUnixNanos } from '../gateway/headers.ts'
import { peerAddressOf } from '../peer.ts'
import { type Admission, type AdmissionDeps, admitCall } from './admission.ts'
import { readBody } from './body.ts'
import { isCallbackUrl, withoutCallbackLogin } from './callback-header.ts'
import type { HttpLog } from './deps.ts'
import { HttpError } from './errors.ts'
import { asyncCallUrl, type FunctionTarget } from './function-url.ts'

export interface AsyncIntakeDeps extends AdmissionDeps {
  readonly enqueue: Enqueue
  /** Why a callback cannot be sent to the URL; undefined: it can. */
  readonly faultOfCallbackUrl: (url: string) => string | undefined
  /** Most bytes of a body; 0: any number. */
  readonly maxBodyBytes: number
  /** How long a client may take to send it. */
  readonly readTimeoutMs: number
  readonly log: HttpLog
}

/** When a client that was turned away may come again. */
const RETRY_AFTER_S = '5'

type Handler = (req: IncomingMessage, res: ServerResponse) => void

/** Takes asynchronous calls: 202 once a call is written down, and never before. What is none goes to `next`. */
export function takeAsyncCalls(deps: AsyncIntakeDeps, next: Handler): Handler {
  return (req, res) => {
    const url = asyncCallUrl(req)
    if (url === undefined) {
      next(req, res)
      return
    }
    req.url = url
    take(deps, req, res).catch((err: unknown) => {
      if (!res.destroyed && !res.headersSent) refuse(deps, res, err)
    })
  }
}

async function take(deps: AsyncIntakeDeps, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const admission = await admitCall(deps, req)
  if (res.destroyed) return
  if ('target' in admission) await accept(deps, admission.target, req, res)
  else answerRefused(admission, res)
}

function answerRefused({ status, headers, text }: Exclude<Admission, { target: unknown }>, res: ServerResponse): void {
  res.writeHead(status, { ...headers, 'Content-Type': 'text/plain; charset=utf-8' })
  res.end(text)
}

async function accept(
  deps: AsyncIntakeDeps,
  { namespace, name, path }: FunctionTarget,
  req: IncomingMessage,
  res: ServerResponse
): Promise<void> {
  if (req.method !== 'POST') {
    throw new HttpError(405, 'METHOD_NOT_ALLOWED', 'an asynchronous call is a POST', { Allow: 'POST' })
  }
  const callbackUrl = callbackUrlOf(deps, req)
  if (req.headers.expect?.toLowerCase() === '100-continue') res.writeContinue()
  const body = await readBody(req, deps.readTimeoutMs, deps.maxBodyBytes || Number.POSITIVE_INFINITY)
  const callId = clientCallId(req)
  const remoteAddress = peerAddressOf(req)
  const accepted = await deps.enqueue({
    ...{ namespace, name, path, body, method: 'POST', headers: withoutCallbackLogin(req.rawHeaders) },
    ...(callId !== undefined && { callId }),
    ...(callbackUrl !== undefined && { callbackUrl }),
    ...(remoteAddress !== undefined && { remoteAddress })
  })
  const marks = { 'X-Call-Id': accepted.callId, 'X-Start-Time': toUnixNanos(accepted.acceptedAt) }
  res.writeHead(202, { ...marks, 'X-Invocation-Id': accepted.id, 'Content-Length': '0' })
  res.end()
}

function callbackUrlOf({ faultOfCallbackUrl }: AsyncIntakeDeps, { rawHeaders }: IncomingMessage): string | undefined {
  const [given, another] = rawHeaders.filter((_, at) => isCallbackUrl(rawHeaders, at))
  if (given === undefined || given === '') return undefined
  const fault = another === undefined ? faultOfCallbackUrl(given) : 'it was given more than once'
  if (fault !== undefined) throw new HttpError(400, 'INVALID', `X-Callback-Url is not usable: ${fault}`)
  return given
}

function refuse({ log }: AsyncIntakeDeps, res: ServerResponse, err: unknown): void {
  const known = err instanceof FaasError ? err : undefined
  // A disk that is full is as good as one that is away: the call was not taken, and may come again.
  const status = known === undefined ? 500 : known.status >= 500 ? 503 : known.status
  if (status >= 500) log.error({ err, status }, 'Failed to accept asynchronous call')
  const text = known?.message ?? 'the call was not accepted, for a reason that is in the log of the gateway'
  const body = `${text}\n`
  res.writeHead(status, {
    ...(known instanceof HttpError && known.headers),
    ...((status === 429 || status === 503) && { 'Retry-After': RETRY_AFTER_S }),
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': String(Buffer.byteLength(body))
  })
  res.end(body)
}
