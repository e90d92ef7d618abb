import { Readable } from 'node:stream'
import type { RouterContext } from '@koa/router'
import * as z from 'zod'
import { parseDuration } from '../../../api/duration.ts'
import { NotFoundError } from '../../../api/errors.ts'
import type { FunctionObject } from '../../../api/function.ts'
import { type LogMessage, type LogsRequest, parseInstant } from '../../../api/log-line.ts'
import { LEGACY_NAME } from '../../../api/meta.ts'
import { existingKey, namespaceOf } from '../access.ts'
import { callerOf, tokenIdOf } from '../caller.ts'
import { departureOf } from '../departure.ts'
import type { ApiDeps, FunctionLogLine } from '../deps.ts'
import { HttpError } from '../errors.ts'
import { NAMESPACE, queryFlag, queryParameter } from '../query.ts'
import { markChecked, type QueryParameter, type Route } from '../route.ts'
import { invalid, shorten } from '../validate.ts'

const NAME: QueryParameter = {
  name: 'name',
  about: 'name of the function',
  schema: z.string().regex(LEGACY_NAME),
  required: true
}
const INSTANCE: QueryParameter = {
  name: 'instance',
  about: 'only of the container of this name',
  schema: z.string()
}
const TAIL: QueryParameter = {
  name: 'tail',
  about: 'only so many of the last lines of each replica; all, when it is 0 or less',
  schema: z.int().default(-1)
}
const FOLLOW: QueryParameter = { name: 'follow', about: 'go on with the lines that come', schema: z.boolean() }
const SINCE: QueryParameter = {
  name: 'since',
  about: 'none that are older: RFC 3339, or a duration such as 5m',
  schema: z.string().meta({ examples: ['5m', '2026-01-31T10:00:00Z'] })
}

/** Until a reader of logs may have left. */
const RETRY_AFTER_S = 5
const EPOCH = '1970-01-01T00:00:00.000000000Z'

/** `GET /system/logs`: what the replicas of a function write. */
export function logRoutes(deps: ApiDeps): Route[] {
  return [
    {
      method: 'get',
      path: '/system/logs',
      scope: 'read',
      namespace: 'query',
      summary: 'Read or follow the logs of a function',
      query: [NAME, NAMESPACE, INSTANCE, TAIL, FOLLOW, SINCE],
      answers: {
        200: { about: 'a line of JSON for each line of the log', schema: 'LogMessage', type: 'application/x-ndjson' }
      },
      errors: [404, 502],
      handler: ctx => answerLogs(ctx, deps)
    }
  ]
}

async function answerLogs(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  markChecked(ctx)
  const name = queryParameter(ctx, NAME) ?? ''
  if (name === '') throw invalid('name', 'is missing: it is the name of the function')
  const request = readRequest(ctx, deps)
  const key = existingKey(ctx, namespaceOf(ctx), name)
  const object = await deps.functions.get(key)
  if (object === undefined || object.metadata.deletionRequestedAt !== undefined)
    throw new NotFoundError('function', key)
  ctx.type = 'application/x-ndjson'
  ctx.status = 200
  if (ctx.method === 'HEAD') return
  const signal = AbortSignal.any([deps.shutdown, departureOf(ctx)])
  const lines = await deps.logs.open(object, request, signal)
  if (lines === undefined) throw tooManyReaders()
  // Headers now: the first line may be hours away.
  ctx.flushHeaders()
  ctx.body = Readable.from(toMessages(ctx, deps, { object, lines, isCut: () => signal.aborted && !request.follow }), {
    objectMode: false
  })
}

interface Answer {
  readonly object: FunctionObject
  readonly lines: AsyncIterable<FunctionLogLine>
  /** Whether it has ended early. */
  readonly isCut: () => boolean
}

/** One that breaks off is cut, so that it is not taken for a whole one. */
async function* toMessages(
  ctx: RouterContext,
  deps: ApiDeps,
  { object, lines, isCut }: Answer
): AsyncGenerator<string> {
  const { name, namespace } = object.metadata
  try {
    for await (const { instance, timestamp, text } of lines) {
      yield `${JSON.stringify({ name, namespace, instance, timestamp, text } satisfies LogMessage)}\n`
    }
    if (isCut()) ctx.res.destroy()
  } catch (err) {
    deps.log.warn({ err, key: `${namespace}/${name}` }, 'Broke off logs')
    ctx.res.destroy()
  }
}

function tooManyReaders(): HttpError {
  const message = 'too many read logs now, of all or with this token (LOG_READERS_MAX): try again later'
  return new HttpError(503, 'TOO_MANY_LOG_READERS', message, { 'Retry-After': String(RETRY_AFTER_S) })
}

function readRequest(ctx: RouterContext, deps: Pick<ApiDeps, 'clock'>): LogsRequest {
  const tail = readTail(queryParameter(ctx, TAIL))
  const since = readSince(queryParameter(ctx, SINCE), deps.clock.now())
  const instance = queryParameter(ctx, INSTANCE)
  const tokenId = tokenIdOf(callerOf(ctx))
  return {
    follow: queryFlag(ctx, FOLLOW),
    ...(tail === undefined ? {} : { tail }),
    ...(since === undefined ? {} : { since }),
    ...(instance === undefined || instance === '' ? {} : { instance }),
    ...(tokenId === undefined ? {} : { tokenId })
  }
}

function readTail(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined
  if (!/^-?\d{1,9}$/.test(text)) throw invalid('tail', `must be a whole number, got ${shorten(text)}`)
  const tail = Number(text)
  return tail > 0 ? tail : undefined
}

function readSince(text: string | undefined, now: number): string | undefined {
  if (text === undefined || text === '') return undefined
  const agoMs = /^\d+$/.test(text) ? undefined : parseDuration(text)
  const since =
    agoMs === undefined ? parseInstant(text) : parseInstant(new Date(Math.max(0, now - agoMs)).toISOString())
  if (since === undefined) {
    const example = new Date(now).toISOString()
    throw invalid(
      'since',
      `must be a time such as ${example} (RFC 3339) or a duration such as 5m, got ${shorten(text)}`
    )
  }
  return since > EPOCH ? since : undefined
}
