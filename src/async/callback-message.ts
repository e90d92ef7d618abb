import { DEFAULT_NAMESPACE } from '../../api/meta.ts'
import type { ClaimedInvocation } from '../store/invocation-store.ts'
import { withoutFraming } from './local-gateway.ts'

/** What the gateway says itself, or what is of another connection. Source of the names: OpenFaaS. */
const REPLACED: ReadonlySet<string> = new Set([
  ...['host', 'authorization', 'x-call-id', 'x-duration-seconds', 'x-function-status', 'x-function-name'],
  ...['x-start-time', 'x-openfaas-internal', 'x-docker-faas-reason', 'x-served-by', 'retry-after', 'date']
])

/** The headers of a callback: those of the function's answer, and what became of the call, which may be tried `maxAttempts` times. */
export function callbackHead(call: ClaimedInvocation, maxAttempts: number): string[] {
  const head = withoutFraming(call.payload.head)
  const kept = head.flatMap((name, at) =>
    at % 2 === 1 || REPLACED.has(name.toLowerCase()) ? [] : [name, head[at + 1] ?? '']
  )
  const { callId, namespace, name, status = 0, durationMs = 0, acceptedAt, attempts } = call
  return [
    ...kept,
    ...['X-Call-Id', callId],
    ...['X-Duration-Seconds', (durationMs / 1000).toFixed(6)],
    ...['X-Function-Name', namespace === DEFAULT_NAMESPACE ? name : `${name}.${namespace}`],
    ...['X-Function-Status', String(status)],
    ...['X-Start-Time', `${acceptedAt}000000`],
    ...['X-Retry', String(Math.max(0, attempts - 1))],
    ...['X-Retry-Max', String(maxAttempts)]
  ]
}
