import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Overdue } from './call-times.ts'
import type { ResponseMarks } from './headers.ts'
import type { CallPeriods } from './pace.ts'
import type { ProxyTarget } from './proxy-deps.ts'

/** An answer of the gateway's own, in place of the function's. */
export interface Refusal {
  readonly status: number
  /** For programs, in `X-Docker-Faas-Reason`: one of those below, or why the function cannot serve, as a condition's reason. */
  readonly reason: string
  /** For people: what is wrong and what helps. */
  readonly text: string
  readonly retryAfterS?: number
  /** Whether the client's connection ends with it. */
  readonly close?: boolean
}

export const refusals = {
  unknown: (name: string, namespace: string): Refusal => ({
    status: 404,
    reason: 'FunctionNotFound',
    text: `function ${name} not found in namespace ${namespace}`
  }),
  troubled: (key: string, trouble: string): Refusal => ({
    status: 503,
    reason: trouble,
    retryAfterS: 5,
    text: `function ${key} cannot serve now: ${trouble}; its status says more`
  }),
  notReady: (key: string, waitedMs: number): Refusal => ({
    status: 503,
    reason: 'NoReadyReplica',
    retryAfterS: 5,
    text: `function ${key} had no ready replica for ${waitedMs} ms; its status says why`
  }),
  wakeTimeout: (key: string, waitedMs: number): Refusal => ({
    status: 504,
    reason: 'WakeTimeout',
    text:
      `function ${key} was scaled to zero or frozen, and had no ready replica within ${waitedMs} ms of this call; ` +
      'its status and events say why, and annotation com.docker-faas.scale.wake-timeout how long calls wait'
  }),
  crowded: (key: string): Refusal => ({
    status: 503,
    reason: 'TooManyWaiting',
    retryAfterS: 1,
    text: `function ${key} has no ready replica, and too many calls wait, or too large ones`
  }),
  overloaded: (key: string): Refusal => ({
    status: 503,
    reason: 'Overloaded',
    retryAfterS: 1,
    text: `all replicas of function ${key} have as many calls as they may have`
  }),
  tooMany: (key: string, most: number): Refusal => ({
    status: 429,
    reason: 'TooManyInFlight',
    retryAfterS: 1,
    text: `each replica of function ${key} has the ${most} calls that com.openfaas.max-inflight allows`
  }),
  looped: (key: string, most: number): Refusal => ({
    status: 508,
    reason: 'LoopDetected',
    text:
      `this call of function ${key} has passed through the gateway ${most} times: a function that it came from calls ` +
      'itself, or one that calls it; FUNCTION_HOPS_MAX says how often is too often'
  }),
  closing: (): Refusal => ({
    status: 503,
    reason: 'ShuttingDown',
    retryAfterS: 1,
    close: true,
    text: 'the gateway is shutting down'
  }),
  revoked: (): Refusal => ({
    status: 401,
    reason: 'TokenEnded',
    text: 'the token was revoked, or has expired, before the call reached its function'
  }),
  unreachable: (key: string): Refusal => ({
    status: 502,
    reason: 'ReplicaUnreachable',
    text: `function ${key} could not be reached`
  }),
  lost: (key: string): Refusal => ({
    status: 502,
    reason: 'ConnectionLost',
    text: `function ${key} closed the connection before it answered; it may have done its work`
  }),
  broken: (key: string): Refusal => ({
    status: 502,
    reason: 'InvalidAnswer',
    text: `function ${key} gave an answer that is not valid HTTP`
  }),
  timeout: (key: string, ms: number): Refusal => ({
    status: 504,
    reason: 'ExecTimeout',
    text: `function ${key} did not answer within ${ms} ms`
  }),
  firstByteTimeout: (key: string, ms: number): Refusal => ({
    status: 504,
    reason: 'FirstByteTimeout',
    text: `function ${key} did not begin to answer within ${ms} ms, as com.docker-faas.timeout.first-byte says`
  }),
  totalTimeout: (key: string, ms: number): Refusal => ({
    status: 504,
    reason: 'TotalTimeout',
    text: `the call of function ${key} was not over within ${ms} ms, as com.docker-faas.timeout.total says`
  }),
  slowClient: (ms: number): Refusal => ({
    status: 408,
    reason: 'BodyTimeout',
    close: true,
    text: `next to nothing of the request body came for ${ms} ms`
  }),
  tooLarge: (maxBytes: number): Refusal => ({
    status: 413,
    reason: 'BodyTooLarge',
    close: true,
    text: `the body of a call may have at most ${maxBytes} bytes`
  }),
  badRequest: (why: string): Refusal => ({ status: 400, reason: 'BadRequest', close: true, text: why })
}

/** The refusal of a call that can neither be sent nor wait. */
export function refusalOfTurn(
  turn: 'troubled' | 'unknown',
  { name, namespace }: Pick<ProxyTarget, 'name' | 'namespace'>,
  trouble: string | undefined
): Refusal {
  if (turn === 'unknown') return refusals.unknown(name, namespace)
  return refusals.troubled(`${namespace}/${name}`, trouble ?? 'NotReady')
}

/** The refusal of a call of which nothing was answered when a time was over. */
export function refusalOfTimeout(
  overdue: Overdue,
  key: string,
  { totalMs = 0, firstByteMs, idleMs, readMs }: CallPeriods
): Refusal {
  if (overdue === 'total') return refusals.totalTimeout(key, totalMs)
  if (overdue === 'idle') return refusals.slowClient(idleMs)
  if (overdue === 'slow') return refusals.slowClient(readMs)
  return firstByteMs === idleMs ? refusals.timeout(key, idleMs) : refusals.firstByteTimeout(key, firstByteMs)
}

/** What of a request cannot be passed on at all, whatever the function. `path` is what the function would see. */
export function refusalOf({ headers }: IncomingMessage, path: string, maxBodyBytes: number): Refusal | undefined {
  if (!path.startsWith('/')) return refusals.badRequest('the path of a call begins with a slash')
  const length = Number(headers['content-length'] ?? 0)
  if (maxBodyBytes > 0 && length > maxBodyBytes) return refusals.tooLarge(maxBodyBytes)
  return undefined
}

/** Writes the refusal, marked as the gateway's own. */
export function writeRefusal(
  res: ServerResponse,
  { status, reason, text, retryAfterS, close }: Refusal,
  marks: ResponseMarks
): void {
  const body = `${text}\n`
  const headers = [
    'Content-Type',
    'text/plain; charset=utf-8',
    'Content-Length',
    String(Buffer.byteLength(body)),
    'X-OpenFaaS-Internal',
    'proxy',
    'X-Docker-Faas-Reason',
    reason,
    'X-Start-Time',
    marks.startTime,
    'X-Served-By',
    marks.servedBy
  ]
  if (marks.generated) headers.push('X-Call-Id', marks.callId)
  if (retryAfterS !== undefined) headers.push('Retry-After', String(retryAfterS))
  if (close === true) headers.push('Connection', 'close')
  res.writeHead(status, headers)
  res.end(body)
}
