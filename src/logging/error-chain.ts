import { inspect } from 'node:util'

/** Longer chains are cut; so are circular ones. */
const MAX_CAUSES = 8

/** An error as data: what it says, where, and why. */
export interface ErrorDescription {
  readonly name: string
  readonly message: string
  readonly code?: string | number
  readonly stack?: string
  readonly cause?: ErrorDescription
  /** Of an AggregateError. */
  readonly errors?: readonly ErrorDescription[]
  /** Its other plain properties, such as `fault`, `statusCode`, `syscall`. */
  readonly [property: string]: unknown
}

/** The error and its whole `cause` chain, codes included; anything else that was thrown is described as a message. */
export function describeError(thrown: unknown, depth = 0): ErrorDescription {
  if (!(thrown instanceof Error))
    return { name: typeof thrown, message: typeof thrown === 'string' ? thrown : inspect(thrown) }
  const { name, message, stack, cause } = thrown
  const more = depth < MAX_CAUSES
  return {
    name,
    message,
    ...plainProperties(thrown),
    ...(stack === undefined ? {} : { stack }),
    ...(cause !== undefined && more ? { cause: describeError(cause, depth + 1) } : {}),
    ...(thrown instanceof AggregateError && more
      ? { errors: thrown.errors.slice(0, MAX_CAUSES).map(error => describeError(error, depth + 1)) }
      : {})
  }
}

/** `outer message: cause (CODE): innermost cause`, on one line. */
export function summarizeError(error: ErrorDescription): string {
  const code = error.code === undefined ? '' : ` (${error.code})`
  return `${error.message}${code}${error.cause === undefined ? '' : `: ${summarizeError(error.cause)}`}`
}

function plainProperties(error: Error): Record<string, string | number | boolean> {
  const own = Object.entries(error).filter(([name]) => name !== 'name' && name !== 'message' && name !== 'stack')
  return Object.fromEntries(own.filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value)))
}
