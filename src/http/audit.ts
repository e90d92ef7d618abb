import type { Context, Middleware } from 'koa'
import type { AuditDraft, AuditOutcome, AuditSubject } from '../../api/audit.ts'
import { DEFAULT_NAMESPACE } from '../../api/meta.ts'
import { redactText } from '../logging/redact.ts'
import type { AuditScope } from '../store/audit-store.ts'
import type { Caller } from './caller.ts'
import type { ApiDeps } from './deps.ts'
import { toProblem } from './errors.ts'
import { DRY_RUN, queryFlag } from './query.ts'
import { RefusalSums } from './refusal-sums.ts'
import { type Operation, routeOf } from './route.ts'

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])
/** No name is longer; what is refused may be anything. */
const MAX_NAME = 253
/** A proxy may bring an id of its own. */
const REQUEST_ID = /^[-_A-Za-z0-9.]{1,64}$/

/** What paths are about, where nothing says it more exactly. */
const KINDS: readonly (readonly [RegExp, string])[] = [
  [/function/, 'function'],
  [/secret/, 'secret'],
  [/token/, 'token'],
  [/^\/auth\//, 'session'],
  [/adopt/, 'adoption'],
  [/profile/, 'profile'],
  [/alert/, 'alert'],
  [/namespace/, 'namespace']
]

type AuditDeps = Pick<ApiDeps, 'audit' | 'log' | 'metrics' | 'clock' | 'shutdown' | 'addressOf'>

/** Gives each request an id, which its answer, the log and the audit log have. */
export function identifyRequests({ newId }: Pick<ApiDeps, 'newId'>): Middleware {
  return async (ctx, next) => {
    const given = ctx.get('X-Request-Id')
    ctx.state['requestId'] = REQUEST_ID.test(given) ? given : newId()
    ctx.set('X-Request-Id', ctx.state['requestId'])
    await next()
  }
}

/** Notes what a request is about, or what it did, for its row. What a transaction says of itself counts more. */
export function noteSubject(ctx: Context, subject: Partial<AuditSubject> & { readonly actor?: string }): void {
  ctx.state['auditSubject'] = { ...(ctx.state['auditSubject'] as object), ...subject }
}

/**
 * Sees to it that every request that changes something, or would and is refused, is one row. The row of a change is written
 * with it, in one transaction; that of anything else right after, before the answer. What nobody with credentials asked for is
 * summed up, and so is what is refused again and again.
 */
export function auditChanges(deps: AuditDeps): Middleware {
  const sums = new RefusalSums({ write: draft => append(deps, draft), clock: deps.clock, shutdown: deps.shutdown })
  return async (ctx, next) => {
    const scope: AuditScope = {
      toDraft: subject => toDraft(deps, ctx, { ...noted(ctx), ...subject, status: statusOf(ctx, subject.outcome) })
    }
    const isChange = !SAFE_METHODS.has(ctx.method)
    try {
      await (isChange ? deps.audit.run(scope, next) : next())
    } catch (err) {
      const { status, code } = toProblem(err, ctx.path)
      if (scope.written === undefined && isTold(ctx, status)) await sums.add(toRefusal(deps, ctx, status, code))
      throw err
    }
    if (!isChange || scope.written !== undefined || !hasEffect(ctx)) return
    await append(deps, toDraft(deps, ctx, { ...about(ctx), outcome: 'done', ...noted(ctx), status: ctx.status }))
  }
}

/** The change is made, or refused, whether or not there is a row: its answer must not become an error. */
async function append({ audit, log, metrics }: AuditDeps, draft: AuditDraft): Promise<void> {
  try {
    await audit.append(draft)
  } catch (err) {
    metrics.auditLost()
    log.error({ err, audit: draft }, 'Lost row of the audit log')
  }
}

/** Changes that are refused; of requests that change nothing, wrong credentials. */
function isTold(ctx: Context, status: number): boolean {
  const isRefusedLogin =
    ctx.get('Authorization') !== '' && (status === 401 || status === 429) && callerOf(ctx) === undefined
  if (SAFE_METHODS.has(ctx.method)) return isRefusedLogin
  return routeOf(ctx) !== undefined || callerOf(ctx) === undefined || status === 429
}

function hasEffect(ctx: Context): boolean {
  const route = routeOf(ctx)
  if (route === undefined) return false
  const isDryRun = route.query?.includes(DRY_RUN) === true && queryFlag(ctx, DRY_RUN)
  return !isDryRun
}

function toRefusal(deps: AuditDeps, ctx: Context, status: number, code: string): AuditDraft {
  const outcome = status >= 500 ? 'failed' : 'refused'
  return toDraft(deps, ctx, { ...about(ctx), ...noted(ctx), outcome, status, code })
}

type Told = AuditSubject & { readonly status: number; readonly code?: string }

function toDraft({ addressOf }: AuditDeps, ctx: Context, { actor, ...what }: Told & { actor?: string }): AuditDraft {
  const caller = callerOf(ctx)
  return {
    ...what,
    actorKind: caller?.kind ?? 'anonymous',
    actor: actor ?? caller?.name ?? '',
    ...(caller?.tokenId === undefined ? {} : { tokenId: caller.tokenId }),
    address: addressOf(ctx.req),
    userAgent: redactText(ctx.get('User-Agent')),
    verb: `${ctx.method} ${routeOf(ctx)?.path ?? '(unrouted)'}`,
    requestId: String(ctx.state['requestId'] ?? ''),
    count: 1
  }
}

/** Undefined before anybody has looked, and when there was nobody. */
function callerOf(ctx: Context): Caller | undefined {
  return ctx.state['caller'] as Caller | undefined
}

function noted(ctx: Context): Partial<AuditSubject> & { actor?: string } {
  return (ctx.state['auditSubject'] ?? {}) as Partial<AuditSubject> & { actor?: string }
}

function about(ctx: Context): AuditSubject {
  const route = routeOf(ctx)
  const kind = KINDS.find(([pattern]) => pattern.test(route?.path ?? ''))?.[1] ?? 'gateway'
  const { name = '' } = (ctx['params'] ?? {}) as { name?: string }
  const given = ctx.query['namespace']
  const silent = route?.namespace === 'query' && name !== '' ? DEFAULT_NAMESPACE : ''
  const namespace = typeof given === 'string' && given !== '' ? given : silent
  return { kind, namespace: namespace.slice(0, MAX_NAME), name: name.slice(0, MAX_NAME), outcome: 'refused' }
}

/** The status that the answer will have when the change is committed: of those that the route declares. */
function statusOf(ctx: Context, outcome: AuditOutcome): number {
  const declared = Object.keys((routeOf(ctx) as Operation | undefined)?.answers ?? {}).map(Number)
  const wanted = outcome === 'created' ? [201, 202, 200] : [202, 200, 204]
  return wanted.find(status => declared.includes(status)) ?? declared[0] ?? 200
}
