import { createRequire } from 'node:module'
import type { RouterContext, Router as RouterType } from '@koa/router'
import type { Middleware } from 'koa'
import type * as z from 'zod'
import type { Scope } from '../../api/scope.ts'
import type { AnswerName } from '../../api/wire/answers.ts'
import { callerOf, hasScope } from './caller.ts'
import { HttpError } from './errors.ts'

/** Its CommonJS form: the other one imports `node:http`, with what that costs (see `src/node-http.ts`). */
const { Router } = createRequire(import.meta.url)('@koa/router') as typeof import('@koa/router')

/** What credentials a route needs: a scope, `any` that are right, or none at all. */
export type RouteScope = Scope | 'any' | 'open'

/**
 * What a request is about, and where its namespace comes from:
 * - `query`: one object or list of the namespace in `?namespace=`, or `openfaas-fn`
 * - `body`: the same, but the body may name the namespace as well
 * - `path`: the same, but the path names it, as in `/function/<name>.<namespace>`
 * - `visible`: every namespace that the caller may see; `?namespace=` asks for one
 * - `named`: a namespace, which the path names
 * - `gateway`: the gateway as a whole, so that credentials that are bound to namespaces are not enough
 * - `none`: nothing of any namespace
 */
export type RouteNamespace = 'query' | 'body' | 'path' | 'visible' | 'named' | 'gateway' | 'none'

/** One parameter of the query or of the head, as the OpenAPI document has it. */
export interface QueryParameter {
  readonly name: string
  readonly about: string
  readonly schema: z.ZodType
  /** Without it there is no answer but 400. */
  readonly required?: true
}

/** An answer of success. What has no body says so with an empty type. */
export type RouteAnswer = BodyAnswer | { readonly about: string; readonly type: '' }

export interface BodyAnswer {
  readonly about: string
  /** Names a schema of every field that may come; examples of the document are made of those of its parts. */
  readonly schema: AnswerName
  /** `application/json` when left out. */
  readonly type?: string
  /** What it is instead for those who ask for it otherwise, by content type. */
  readonly others?: Readonly<Record<string, AnswerName>>
  /** Further shapes of the same content type. */
  readonly or?: readonly AnswerName[]
}

/** What is known of an operation without running it: its line in the OpenAPI document. */
export interface Operation {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** As the router takes it: `/v1/functions/:name`. */
  readonly path: string
  readonly scope: RouteScope
  readonly namespace: RouteNamespace
  /** A few words without a full stop. */
  readonly summary: string
  /** Whether it is but a part of a page, of which the document says nothing. */
  readonly isPart?: boolean
  /** What the parameters of the path are, where their names do not say it. */
  readonly inPath?: Readonly<Record<string, string>>
  /** Every parameter that the handler reads. */
  readonly query?: readonly QueryParameter[]
  /** Headers that mean something to this operation. */
  readonly head?: readonly QueryParameter[]
  readonly body?: z.ZodType
  /** Whether the body may be left out. */
  readonly isBodyOptional?: boolean
  /** Answers of success, by status. */
  readonly answers: Readonly<Record<number, RouteAnswer>>
  /** Statuses of errors beside those that every operation of its kind may give (`errorsOf`). */
  readonly errors?: readonly number[]
}

/** One operation of the API. There is no other way to add one, so none is without a scope. */
export interface Route extends Operation {
  readonly handler: (ctx: RouterContext) => void | Promise<void>
}

/** A router of these routes, each of which runs only for callers with its scope. */
export function createRouter(routes: readonly Route[]): RouterType {
  const router = new Router({ sensitive: true })
  for (const route of routes) router[route.method](route.path, guard(route), route.handler)
  return router
}

/**
 * Notes which of the routes a request is for, with the parameters of its path, before anybody asks who sends it: so the row of
 * one that is refused early names what it was to change.
 */
export function noteRoute(router: RouterType, routes: readonly Route[]): Middleware {
  return async (ctx, next) => {
    const layer = router.match(ctx.path, ctx.method).pathAndMethod[0]
    const method = ctx.method.toLowerCase()
    const route = layer && routes.find(known => known.method === method && known.path === layer.path)
    if (layer !== undefined && route !== undefined) {
      ctx.state['route'] = route
      ctx['params'] = layer.params(ctx.path, layer.captures(ctx.path))
    }
    await next()
  }
}

/** The route that a request is for; undefined when there is none. */
export function routeOf(ctx: { readonly state: Record<string, unknown> }): Operation | undefined {
  return ctx.state['route'] as Operation | undefined
}

/** Notes that the handler has held the namespace of what it answers against those of the caller. */
export function markChecked(ctx: { readonly state: Record<string, unknown> }): void {
  ctx.state['namespaceChecked'] = true
}

function guard(route: Route): Middleware {
  const isOfNamespace = !['gateway', 'none'].includes(route.namespace)
  return async (ctx, next) => {
    ctx.state['route'] = route
    requireScope(route, ctx)
    await next()
    // Fails closed, for whoever asks, so that no test of a new route passes without the check.
    if (isOfNamespace && ctx.state['namespaceChecked'] !== true) {
      throw new Error(`${route.method} ${route.path} answered without a look at the namespaces of the caller`)
    }
  }
}

function requireScope({ scope, namespace }: Route, ctx: Parameters<Middleware>[0]): void {
  if (scope === 'open') return
  const caller = callerOf(ctx)
  if (scope !== 'any' && !hasScope(caller, scope)) {
    throw new HttpError(403, 'FORBIDDEN', `this needs credentials with the scope ${scope}`)
  }
  if (namespace === 'gateway' && caller.namespaces !== 'all') {
    throw new HttpError(403, 'FORBIDDEN', 'this needs credentials that are not bound to namespaces')
  }
}
