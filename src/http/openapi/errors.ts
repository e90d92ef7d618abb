import { ProblemAnswer } from '../../../api/wire/problem.ts'
import type { Operation } from '../route.ts'
import type { DocumentSchemas, Json } from './schema.ts'

/** What an error answer means, by status. */
const ERRORS: Readonly<Record<number, string>> = {
  400: 'the request is not valid; the answer names each field that is wrong',
  401: 'credentials are needed, or those that were sent are wrong',
  403: 'the credentials, the page or the operator do not allow it',
  404: 'there is no such object, or none that these credentials may see',
  405: 'the method is not allowed here',
  408: 'the body took too long',
  409: 'what is there does not allow it',
  410: 'the history is no longer kept: list again',
  413: 'the body is too large',
  415: 'the encoding or the kind of the body is not supported',
  429: 'too many requests, or wrong credentials, in a short time; Retry-After says when to come again',
  500: 'the request failed for a reason that is in the log of the gateway',
  502: 'the function could not be reached, or gave an answer that is not valid',
  503: 'the database, the engine or the function is not available now',
  504: 'the function did not answer in time',
  507: 'the disk of the database is full',
  508: 'the call has passed through the gateway too often'
}
const EVERYWHERE = [403, 500, 503]

/** Statuses of errors that the operation may answer with. */
export function errorsOf({ method, path, scope, query = [], body, errors = [] }: Operation): number[] {
  const all = [
    ...EVERYWHERE,
    ...(scope === 'open' ? [] : [401, 429]),
    ...(query.length > 0 || body !== undefined ? [400] : []),
    ...(path.includes(':') ? [404] : []),
    ...(body === undefined ? [] : [408, 413, 415]),
    ...(method === 'get' ? [] : [507]),
    ...errors
  ]
  return [...new Set(all)].sort((a, b) => a - b)
}

/** Problems on `/v1`, text elsewhere: see `answerErrors`. */
export function errorResponses(operation: Operation): Json {
  const kind = operation.path.startsWith('/v1/') ? 'Problem' : 'Text'
  const statuses: (number | 'default')[] = [...errorsOf(operation), 'default']
  return Object.fromEntries(statuses.map(status => [status, { $ref: `#/components/responses/${kind}-${status}` }]))
}

/** Every error answer, as `errorResponses` refers to them. */
export function errorComponents(schemas: DocumentSchemas): Json {
  const problem = schemas.answered(ProblemAnswer)
  const responses = [...Object.entries(ERRORS), ['default', 'the request was not carried out'] as const]
  return Object.fromEntries(
    responses.flatMap(([status, description]) => [
      [`Problem-${status}`, { description, content: { 'application/problem+json': { schema: problem } } }],
      [`Text-${status}`, { description, content: { 'text/plain': { schema: { type: 'string' } } } }]
    ])
  )
}
