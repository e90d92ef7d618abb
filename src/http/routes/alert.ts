import type { RouterContext } from '@koa/router'
import { AlertMessage, type AlertOutcome, type AlertStatus } from '../../../api/alert.ts'
import { NotFoundError } from '../../../api/errors.ts'
import { parseQualifiedName } from '../../../api/names.ts'
import type { AlertAnswer } from '../../../api/wire/alert.ts'
import { existingKey } from '../access.ts'
import { noteSubject } from '../audit.ts'
import { readJson } from '../body.ts'
import type { ApiDeps } from '../deps.ts'
import { markChecked, type Route } from '../route.ts'
import { parseInput } from '../validate.ts'

const LABEL = 'function_name'

/** `POST /system/alert`, for the webhook of Alertmanager. */
export function alertRoute(deps: ApiDeps): Route {
  return {
    method: 'post',
    path: '/system/alert',
    scope: 'deploy',
    namespace: 'visible',
    summary: 'Scale functions as alerts of Prometheus say',
    body: AlertMessage,
    answers: { 200: { about: 'what became of each alert', schema: 'AlertAnswer' } },
    handler: ctx => receive(ctx, deps)
  }
}

async function receive(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const { alerts } = parseInput(AlertMessage, await readJson(ctx, deps.readTimeoutMs))
  markChecked(ctx)
  const told: AlertAnswer['alerts'] = []
  // One after the other: several may be about one function.
  for (const { status, labels } of alerts ?? []) {
    const name = labels[LABEL]
    const text = typeof name === 'string' ? name : ''
    told.push({ function: text, status, ...(await act(ctx, deps, text, status)) })
  }
  const scaled = told.filter(({ outcome }) => outcome === 'scaled')
  const detail = scaled.map(alert => `${alert.function} to ${alert.replicas}, ${alert.status}`).join('; ')
  // No secret is in a name that a function has.
  noteSubject(ctx, { kind: 'alert', namespace: '', name: '', detail: detail.slice(0, MAX_DETAIL) })
  ctx.body = { alerts: told }
}

const MAX_DETAIL = 1000

async function act(ctx: RouterContext, deps: ApiDeps, text: string, status: AlertStatus): Promise<AlertOutcome> {
  if (text === '') return { outcome: 'unknown', message: `it has no label ${LABEL}` }
  const { namespace, name } = parseQualifiedName(text)
  try {
    return await deps.alerts.act(existingKey(ctx, namespace, name), status)
  } catch (err) {
    if (!(err instanceof NotFoundError)) throw err
    return { outcome: 'unknown', message: 'there is no such function' }
  }
}
