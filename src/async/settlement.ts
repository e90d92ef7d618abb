import { RETRY_DEFAULTS } from '../../api/call-settings.ts'
import type { DeadReason } from '../../api/invocation.ts'
import type { ClaimedInvocation, Settlement } from '../store/invocation-store.ts'
import type { DispatcherDeps } from './dispatcher-deps.ts'
import { backoffMs, outcomeOf } from './outcome.ts'

type Deps = Pick<
  DispatcherDeps,
  'call' | 'deliver' | 'onDead' | 'settingsOf' | 'limits' | 'clock' | 'random' | 'metrics' | 'log'
>

interface Circumstances {
  readonly signal: AbortSignal
  readonly isStopping: () => boolean
}

/** How long a callback waits for its next attempt. */
export const CALLBACK_BACKOFF = { minWaitMs: 1000, maxWaitMs: 300_000 }
/** One that was not carried out is not tried again in the same moment. */
const RETURN_MS = 1000
const TEXT = ['Content-Type', 'text/plain; charset=utf-8']

/** Carries the call out, and says what is to be written down of it. */
export async function settlementOfCall(
  call: ClaimedInvocation,
  deps: Deps,
  { signal, isStopping }: Circumstances
): Promise<Settlement> {
  const { clock, metrics, random } = deps
  const key = `${call.namespace}/${call.name}`
  const retry = deps.settingsOf(key)?.retry
  const interrupted = attemptsWithout(call, deps)
  if (interrupted !== undefined) return interrupted
  const startedAt = clock.monotonic()
  const attempted = await deps.call(call, signal).catch((err: unknown) => {
    if (signal.aborted) return undefined
    // A row that cannot even be sent must not end the process; it comes to its end as others do.
    deps.log.error({ err, key, id: call.id }, 'Failed to send asynchronous call')
    return { status: 502, refusal: 'NotSent', answer: { head: [], body: new Uint8Array() } }
  })
  const durationMs = Math.round(clock.monotonic() - startedAt)
  if (attempted === undefined) return { kind: 'return', dueAt: clock.now() }
  const context = { attempts: call.attempts, retry, random: random(), isStopping: isStopping() }
  const outcome = outcomeOf(attempted, context)
  const { answer: result } = attempted
  // What callbacks are told of a function that could not be reached. Source: OpenFaaS's queue-worker.
  const status = attempted.refusal === 'ReplicaUnreachable' ? 503 : attempted.status
  if (outcome.kind === 'return') return { kind: 'return', dueAt: clock.now() + RETURN_MS }
  if (outcome.kind === 'retry') {
    metrics.processed(key, 'retried')
    return { kind: 'retry', dueAt: clock.now() + outcome.waitMs, status, durationMs }
  }
  const { reason } = outcome
  metrics.processed(key, reason ?? 'done')
  if (reason !== undefined) tellDead(call, { reason, status }, deps)
  return { kind: 'end', ...(reason !== undefined && { reason }), status, durationMs, result }
}

/** A call that has had all its attempts, the last of them when a process was killed: nobody knows what became of it. */
function attemptsWithout(call: ClaimedInvocation, deps: Deps): Settlement | undefined {
  const key = `${call.namespace}/${call.name}`
  const most = deps.settingsOf(key)?.retry?.attempts
  if (call.attempts <= (most ?? RETRY_DEFAULTS.attempts)) return undefined
  deps.metrics.processed(key, 'Interrupted')
  tellDead(call, { reason: 'Interrupted', status: 503 }, deps)
  const body = Buffer.from('the gateway was stopped during the last attempt\n')
  return { kind: 'end', reason: 'Interrupted', status: 503, durationMs: 0, result: { head: TEXT, body } }
}

function tellDead(
  { id, callId, namespace, name, attempts }: ClaimedInvocation,
  why: { readonly reason: DeadReason; readonly status: number },
  { log, onDead }: Deps
): void {
  const key = `${namespace}/${name}`
  log.warn({ key, id, callId, attempts, ...why }, 'Dead-lettered asynchronous call')
  onDead(key, why.reason)
}

/** Delivers the callback, and says what is to be written down of it. */
export async function settlementOfCallback(
  call: ClaimedInvocation,
  { deliver, limits, clock, random, metrics, onDead, log }: Deps,
  signal: AbortSignal
): Promise<Settlement> {
  const delivered = await deliver(call, signal).catch((err: unknown) => {
    if (signal.aborted) return undefined
    log.error({ err, id: call.id }, 'Failed to send callback')
    return { ok: false, error: 'it could not be sent', isFinal: false } as const
  })
  if (delivered === undefined) return { kind: 'return', dueAt: clock.now() }
  if (delivered.ok) {
    metrics.callback('delivered')
    return { kind: 'delivered' }
  }
  const { error, isFinal } = delivered
  if (!isFinal && call.callbackAttempts < limits.callbackAttempts) {
    metrics.callback('retried')
    return {
      kind: 'undelivered',
      error,
      dueAt: clock.now() + backoffMs(call.callbackAttempts, CALLBACK_BACKOFF, random())
    }
  }
  metrics.callback('failed')
  const { id, callId, namespace, name, callbackAttempts: attempts } = call
  log.warn({ key: `${namespace}/${name}`, id, callId, attempts, problem: error }, 'Failed to deliver callback')
  onDead(`${namespace}/${name}`, 'CallbackFailed')
  return { kind: 'undelivered', error }
}
