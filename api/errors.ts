/** Base of every error this project throws on purpose. */
export abstract class FaasError extends Error {
  /** Stable; clients, logs and metrics may match on it. */
  abstract readonly code: string
  /** HTTP status when the error reaches the API. */
  abstract readonly status: number
  /** Whether the reconciler tries again; false surfaces as a condition and waits for a new spec. */
  readonly retryable: boolean = true
}

/** One thing that is wrong with what a client sent. */
export interface FieldError {
  /** Where: `spec.limits.memory`, or the name the client used on its own wire, such as `envVars.FOO`. */
  readonly field: string
  /** What is wrong with it, what was given and what is allowed. */
  readonly message: string
}

/** The request cannot be understood or breaks a rule; names each field. */
export class ValidationError extends FaasError {
  override name = 'ValidationError'
  readonly code = 'INVALID'
  readonly status = 400
  override readonly retryable = false
  readonly errors: readonly FieldError[]
  constructor(errors: readonly FieldError[], options?: ErrorOptions) {
    super(errors.map(e => (e.field === '' ? e.message : `${e.field}: ${e.message}`)).join('; '), options)
    this.errors = errors
  }
}

/** The operator does not want what the request asks for; names each field. */
export class PolicyError extends FaasError {
  override name = 'PolicyError'
  readonly code = 'FORBIDDEN_BY_POLICY'
  readonly status = 403
  override readonly retryable = false
  readonly errors: readonly FieldError[]
  constructor(errors: readonly FieldError[], options?: ErrorOptions) {
    super(errors.map(e => `${e.field}: ${e.message}`).join('; '), options)
    this.errors = errors
  }
}

/** The object that the request names is not there. */
export class NotFoundError extends FaasError {
  override name = 'NotFoundError'
  readonly code = 'NOT_FOUND'
  readonly status = 404
  override readonly retryable = false
  constructor(kind: string, key: string, options?: ErrorOptions) {
    super(`${kind} ${key} not found`, options)
  }
}

/** An object of that name is there already, and the request asked for a new one. */
export class AlreadyExistsError extends FaasError {
  override name = 'AlreadyExistsError'
  readonly code = 'ALREADY_EXISTS'
  readonly status = 409
  override readonly retryable = false
  constructor(kind: string, key: string, options?: ErrorOptions) {
    super(`${kind} ${key} already exists: update it instead`, options)
  }
}

/** Functions that one message names. */
const MAX_USERS_NAMED = 20

/** A profile cannot go as functions name it. */
export class ProfileInUseError extends FaasError {
  override name = 'ProfileInUseError'
  readonly code = 'PROFILE_IN_USE'
  readonly status = 409
  override readonly retryable = false
  constructor(profile: string, users: readonly string[], options?: ErrorOptions) {
    super(
      `profile ${profile} is used by ${nameUsers(users)}: take it out of their annotation com.openfaas.profile first`,
      options
    )
  }
}

/** A secret cannot go as functions need it. */
export class SecretInUseError extends FaasError {
  override name = 'SecretInUseError'
  readonly code = 'SECRET_IN_USE'
  readonly status = 409
  override readonly retryable = false
  constructor(key: string, users: readonly string[], options?: ErrorOptions) {
    super(
      `secret ${key} is used by ${nameUsers(users)}: take it out of them first, or delete it all the same with ?force=true (docker-faas secret delete --force)`,
      options
    )
  }
}

function nameUsers(users: readonly string[]): string {
  const more = users.length > MAX_USERS_NAMED ? ` and ${users.length - MAX_USERS_NAMED} more` : ''
  return `${users.slice(0, MAX_USERS_NAMED).join(', ')}${more}`
}

/** Another token has the name. */
export class TokenExistsError extends FaasError {
  override name = 'TokenExistsError'
  readonly code = 'ALREADY_EXISTS'
  readonly status = 409
  override readonly retryable = false
  constructor(token: string, options?: ErrorOptions) {
    super(`there is a token ${token} already; revoke it first, or take another name`, options)
  }
}

/** There are as many tokens as there may be. */
export class TooManyTokensError extends FaasError {
  override name = 'TooManyTokensError'
  readonly code = 'TOO_MANY_TOKENS'
  readonly status = 409
  override readonly retryable = false
  constructor(most: number, options?: ErrorOptions) {
    super(`there are ${most} tokens: revoke one first`, options)
  }
}

/** The namespace has as many functions as it may. */
export class TooManyFunctionsError extends FaasError {
  override name = 'TooManyFunctionsError'
  readonly code = 'TOO_MANY_FUNCTIONS'
  readonly status = 403
  override readonly retryable = false
  constructor(namespace: string, max: number, options?: ErrorOptions) {
    super(`namespace ${namespace} has ${max} functions, the most that FUNCTIONS_PER_NAMESPACE_MAX allows`, options)
  }
}

/** The namespace has no room for what is asked for; names each resource, what is used of it and what helps. */
export class QuotaExceededError extends FaasError {
  override name = 'QuotaExceededError'
  readonly code = 'QUOTA_EXCEEDED'
  readonly status = 403
  override readonly retryable = false
  constructor(namespace: string, refusals: readonly string[], options?: ErrorOptions) {
    super(`the quota of namespace ${namespace} has no room: ${refusals.join('; ')}`, options)
  }
}

/** Something is in the namespace, so that it cannot go. */
export class NamespaceNotEmptyError extends FaasError {
  override name = 'NamespaceNotEmptyError'
  readonly code = 'NAMESPACE_NOT_EMPTY'
  readonly status = 409
  override readonly retryable = false
  constructor(namespace: string, held: readonly string[], options?: ErrorOptions) {
    super(
      `namespace ${namespace} is not empty: it has ${held.join(', ')}; delete them first, or wait for them to end`,
      options
    )
  }
}

/** What is said of a namespace that something is to be written into and that is not there. */
export function unknownNamespaceMessage(namespace: string): string {
  const shown = namespace.slice(0, 64)
  return `there is no namespace ${shown}; create it first, with faas-cli namespace create ${shown} or POST /v1/namespaces`
}

/** Something is to be written into a namespace that is not there; `field` is what names it. */
export function unknownNamespace(namespace: string, field = 'namespace'): ValidationError {
  return new ValidationError([{ field, message: unknownNamespaceMessage(namespace) }])
}

/** The object changed since the client read it (`If-Match`). */
export class ConflictError extends FaasError {
  override name = 'ConflictError'
  readonly code = 'CONFLICT'
  readonly status = 409
  override readonly retryable = false
  constructor(key: string, expected: string, actual: string, options?: ErrorOptions) {
    super(`${key} has resourceVersion ${actual}, not ${expected}; read it again and retry`, options)
  }
}

/** A decision was sent though none is asked for. */
export class NothingToDecideError extends FaasError {
  override name = 'NothingToDecideError'
  readonly code = 'NOTHING_TO_ADOPT'
  readonly status = 409
  override readonly retryable = false
  constructor(options?: ErrorOptions) {
    super('the database knows everything that runs: there is nothing to adopt or to delete', options)
  }
}

/** The history that a watch asks for is no longer kept; the client lists and watches again. */
export class GoneError extends FaasError {
  override name = 'GoneError'
  readonly code = 'GONE'
  readonly status = 410
  override readonly retryable = false
  constructor(resourceVersion: number, oldest: number, options?: ErrorOptions) {
    super(`resourceVersion ${resourceVersion} is too old, the oldest kept is ${oldest}; list again`, options)
  }
}

/** So many asynchronous calls wait that no other is taken. */
export class QueueFullError extends FaasError {
  override name = 'QueueFullError'
  readonly code = 'QUEUE_FULL'
  readonly status = 429
  constructor(key: string, limit: string) {
    super(`too many asynchronous calls wait: ${limit}; call function ${key} again later`)
  }
}
