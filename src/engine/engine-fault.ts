import type { EngineFault } from './faults.ts'

type Meaning = readonly [pattern: RegExp, fault: EngineFault]

/** What the engine writes, where the status code alone does not say it. The first that fits counts. */
const MESSAGES: readonly Meaning[] = [
  [/no space left on device|disk quota exceeded/i, 'no-space'],
  [/exchange full/i, 'bridge-full'],
  [/already in use by container|network with name .* already exists/i, 'name-in-use'],
  [/pool overlaps|overlaps with other one|overlapping IPv[46]/i, 'subnet-overlap'],
  [/port is already allocated|address already in use|ports are not available/i, 'port-in-use'],
  [/cannot assign requested address/i, 'no-address'],
  [/removal of container .* is already in progress|marked for removal|has active endpoints/i, 'busy'],
  [/is not running|is not paused|is already paused|already exists in network|is not connected to/i, 'unchanged'],
  [/no such image/i, 'no-image'],
  [/authorization denied|permission denied by/i, 'unauthorized']
]

/**
 * What registries write, through the engine, as an answer (404 and 500 alike) or inside the progress.
 * NOTE: Docker Hub says `pull access denied … repository does not exist or may require 'docker login'` of an image that
 * does not exist too; whether it does cannot be told from outside, so that it counts as `unauthorized`.
 */
const PULL_MESSAGES: readonly Meaning[] = [
  [/no space left on device|disk quota exceeded/i, 'no-space'],
  [/toomanyrequests|too many requests/i, 'throttled'],
  [
    /unauthorized|denied|authentication required|no basic auth credentials|incorrect username or password/i,
    'unauthorized'
  ],
  [/no such host|connection refused|connection reset|i\/o timeout|TLS handshake timeout/i, 'unavailable'],
  [/deadline exceeded|request canceled|network is unreachable|no route to host|unexpected EOF/i, 'unavailable'],
  [/status(?: code)?:? 5\d\d|service unavailable|bad gateway|gateway time-?out/i, 'unavailable'],
  [/manifest unknown|name unknown|no matching manifest|not found|invalid reference format/i, 'no-image']
]

interface Rejection {
  readonly statusCode?: number
  readonly code?: string
  readonly name?: string
  readonly message?: string
}

/**
 * What a rejection of dockerode means. The status alone is not enough: 404 of a create may be the image, 409 has
 * three meanings, a disconnect of what is not connected answers 500.
 */
export function engineFault(err: unknown): EngineFault {
  const { statusCode } = err as Rejection
  return statusCode === undefined
    ? faultWithoutAnswer(err as Rejection)
    : (meaning(MESSAGES, err) ?? faultOfStatus(statusCode))
}

/** What the engine's words mean by themselves, such as those that it keeps of a start that failed. */
export function faultOfMessage(message: string): EngineFault {
  return meaning(MESSAGES, message) ?? 'other'
}

/** What a rejection of a pull means, and what an error inside its progress means (an `Error` without status). */
export function pullFault(err: unknown): EngineFault {
  const { statusCode } = err as Rejection
  const said = meaning(PULL_MESSAGES, err)
  if (statusCode !== undefined) return said ?? (statusCode === 404 ? 'no-image' : faultOfStatus(statusCode))
  return err instanceof PullError ? (said ?? 'other') : faultWithoutAnswer(err as Rejection)
}

/** An error that a registry's or the engine's progress messages told of. */
export class PullError extends Error {
  override name = 'PullError'
}

/** The engine's own words: dockerode puts `(HTTP code 404) no such container - ` before and a space after them. */
export function engineMessage(err: unknown): string {
  const message = err instanceof Error ? err.message : String(err)
  return message.replace(/^\(HTTP code \d+\) .*? - /s, '').trim()
}

function meaning(meanings: readonly Meaning[], err: unknown): EngineFault | undefined {
  const message = engineMessage(err)
  return meanings.find(([pattern]) => pattern.test(message))?.[1]
}

/** ENOENT, ECONNREFUSED, ECONNRESET, or half an answer: what the engine did, if anything, is not known. */
function faultWithoutAnswer({ code, name }: Rejection): EngineFault {
  if (name === 'TimeoutError') return 'timeout'
  return code === 'ABORT_ERR' || name === 'AbortError' ? 'aborted' : 'unavailable'
}

function faultOfStatus(statusCode: number): EngineFault {
  if (statusCode === 304) return 'unchanged'
  if (statusCode === 401) return 'unauthorized'
  if (statusCode === 404) return 'not-found'
  if (statusCode === 409) return 'busy'
  return [502, 503, 504].includes(statusCode) ? 'unavailable' : 'other'
}
