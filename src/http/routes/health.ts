import type { RouterContext } from '@koa/router'
import type { ApiDeps, LoopState } from '../deps.ts'
import { queryFlag, VERBOSE } from '../query.ts'
import type { Route } from '../route.ts'

type HealthDeps = Pick<ApiDeps, 'functions' | 'loop' | 'log' | 'shutdown'>

const DATABASE_DEADLINE_MS = 2000
/** No function can have this key, so reading it touches the index and gives nothing. */
const PROBE_KEY = 'openfaas-fn/-'

const TEXT = { type: 'text/plain', schema: 'TextAnswer' } as const

/** `/healthz`, `/livez`, `/readyz`: open, and so tell nothing but whether all is well. */
export function healthRoutes(deps: HealthDeps): Route[] {
  return [
    {
      method: 'get',
      path: '/livez',
      scope: 'open',
      namespace: 'none',
      summary: 'Say that the process answers',
      answers: { 200: { about: 'it does', ...TEXT } },
      handler: ctx => {
        ctx.body = 'OK'
      }
    },
    {
      method: 'get',
      path: '/healthz',
      scope: 'open',
      namespace: 'none',
      summary: 'Say whether database and engine answer',
      answers: {
        200: { about: 'they do', ...TEXT, others: { 'application/json': 'HealthAnswer' } },
        503: { about: 'one of them does not', ...TEXT, others: { 'application/json': 'HealthAnswer' } }
      },
      handler: ctx => answerHealth(ctx, deps)
    },
    {
      method: 'get',
      path: '/readyz',
      scope: 'open',
      namespace: 'none',
      summary: 'Say whether every function is known',
      query: [VERBOSE],
      answers: { 200: { about: 'it is', ...TEXT } },
      handler: ctx => answerReadiness(ctx, deps)
    }
  ]
}

async function answerHealth(ctx: RouterContext, deps: HealthDeps): Promise<void> {
  const database = await isDatabaseUp(deps)
  const { engine } = deps.loop.state()
  const healthy = database && engine.reachable
  ctx.status = healthy ? 200 : 503
  if (ctx.accepts('text', 'json') === 'json') {
    // Networks are the engine's: they are well when it answers.
    const checks = { database: toWord(database), docker: toWord(engine.reachable), network: toWord(engine.reachable) }
    ctx.body = { status: healthy ? 'ok' : 'error', checks }
  } else {
    ctx.body = healthy ? 'OK' : 'unhealthy'
  }
}

/** Ready means: knows every function. An engine that is away degrades, because known replicas go on serving. */
async function answerReadiness(ctx: RouterContext, deps: HealthDeps): Promise<void> {
  const state = deps.loop.state()
  const database = await isDatabaseUp(deps)
  const ready = state.ready && database && !deps.shutdown.aborted
  ctx.status = ready ? 200 : 503
  const word = ready ? (state.engine.reachable ? 'ready' : 'degraded') : 'not ready'
  ctx.body = queryFlag(ctx, VERBOSE) ? `${verboseLines(state, database, deps.shutdown).join('\n')}\n${word}\n` : word
}

function verboseLines(state: LoopState, database: boolean, shutdown: AbortSignal): string[] {
  return [
    toLine('database', database, 'does not answer'),
    toLine('resync', state.ready, 'the first full resync is not over'),
    toLine('engine', state.engine.reachable, 'does not answer'),
    toLine('watch', state.watch.connected, 'not connected'),
    toLine('shutdown', !shutdown.aborted, 'under way')
  ]
}

function toLine(check: string, ok: boolean, trouble: string): string {
  return ok ? `[+] ${check} ok` : `[-] ${check}: ${trouble}`
}

function toWord(ok: boolean): 'ok' | 'error' {
  return ok ? 'ok' : 'error'
}

async function isDatabaseUp({ functions, log }: HealthDeps): Promise<boolean> {
  const deadline = Promise.withResolvers<never>()
  const timer = setTimeout(() => deadline.reject(new Error('the database took too long')), DATABASE_DEADLINE_MS)
  try {
    await Promise.race([functions.get(PROBE_KEY), deadline.promise])
    return true
  } catch (err) {
    log.warn({ err }, 'Failed database check')
    return false
  } finally {
    clearTimeout(timer)
  }
}
