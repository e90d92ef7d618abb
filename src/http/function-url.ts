import { parseQualifiedName } from '../../api/names.ts'

/** The function that a call is for, and what it is asked. */
export interface FunctionTarget {
  readonly namespace: string
  readonly name: string
  /** Path and query for the function, as they came; always starts with `/`. */
  readonly path: string
}

/**
 * `/function/<name>[.<namespace>]`, then nothing, a path or a query. Names of the older program may hold more dots, capitals and
 * underscores; what follows the first dot is the namespace, as it is when its database is taken over.
 */
const FUNCTION_URL =
  /^\/function\/([a-zA-Z0-9][a-zA-Z0-9_-]{0,127}(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9_.-]{0,126}[a-zA-Z0-9])?)?)(?:(\/[^?]*))?(\?.*)?$/
/** A step up, in any of its spellings. */
const STEP_UP = /(?:^|\/|\\|%2f|%5c)(?:\.|%2e){2}(?:\/|\\|%2f|%5c|$)/i
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is these that must not get through
const FORBIDDEN = /[\x00-\x20\x7f#]|%00/

/**
 * Where a URL such as `/function/hello.team-a/path?q=1` leads. Undefined when it is malformed: a name that no function can
 * have, an encoded slash in it, a step up, a NUL.
 */
export function parseFunctionUrl(url: string): FunctionTarget | undefined {
  const match = FUNCTION_URL.exec(url)
  if (match === null || FORBIDDEN.test(url)) return undefined
  const [, qualified = '', path = '/', query = ''] = match
  if (STEP_UP.test(path)) return undefined
  return { ...parseQualifiedName(qualified), path: `${path}${query}` }
}

const ASYNC_FORM = /^\/(?:async-function|system\/function-async)(?=\/|\?|$)/

/** The URL of the function that an asynchronous call is for, as that of a call that is waited for; undefined: it is no such call. */
export function asyncCallUrl({
  url = '',
  method = ''
}: {
  readonly url?: string | undefined
  readonly method?: string | undefined
}): string | undefined {
  // To cancel a call, and to ask a browser's permission, are of the API.
  if (method === 'DELETE' || method === 'OPTIONS' || !ASYNC_FORM.test(url)) return undefined
  return url.replace(ASYNC_FORM, '/function')
}
