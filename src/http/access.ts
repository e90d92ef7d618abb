import type { Context } from 'koa'
import { type FieldError, NotFoundError, ValidationError } from '../../api/errors.ts'
import { SecretName } from '../../api/function.ts'
import { DEFAULT_NAMESPACE, LEGACY_NAME } from '../../api/meta.ts'
import { isWithin, type Namespaces } from '../../api/scope.ts'
import { noteSubject } from './audit.ts'
import { callerOf } from './caller.ts'
import { HttpError } from './errors.ts'
import { queryNamespace } from './query.ts'
import { markChecked } from './route.ts'
import { shorten } from './validate.ts'

/**
 * What of the namespaces a caller may touch. Objects of another namespace are not found, with the words for one that is not
 * there; to list or to write into another namespace is forbidden, whether or not there is such a namespace. So no answer
 * tells anything of what others have.
 */

const MAX_SHOWN = 64

/** The namespace of a request: that of the query or of the body, which must not disagree, or `openfaas-fn`. */
export function namespaceOf(ctx: Context, fromBody?: string | undefined, field = 'namespace'): string {
  const faults = namespaceFaults(ctx, fromBody, field)
  if (faults.length > 0) throw new ValidationError(faults)
  return queryNamespace(ctx) ?? fromBody ?? DEFAULT_NAMESPACE
}

/** Says that the body and the query name two namespaces; nothing when they do not. */
export function namespaceFaults(ctx: Context, fromBody: string | undefined, field: string): FieldError[] {
  const fromQuery = queryNamespace(ctx)
  if (fromQuery === undefined || fromBody === undefined || fromQuery === fromBody) return []
  return [{ field, message: `is ${shorten(fromBody)} in the body and ${shorten(fromQuery)} in the query` }]
}

/**
 * Key of an object that is said to exist. Throws `NotFoundError` when the caller must not see it; so does a name that none
 * can have, which never reaches the store.
 */
export function existingKey(ctx: Context, namespace: string, name: string, kind = 'function'): string {
  markChecked(ctx)
  noteSubject(ctx, { kind, namespace, name })
  const isName = kind === 'secret' ? SecretName.safeParse(name).success : LEGACY_NAME.test(name)
  if (!isName || !isWithin(callerOf(ctx).namespaces, namespace)) {
    throw new NotFoundError(kind, `${namespace}/${name.slice(0, MAX_SHOWN)}`)
  }
  return `${namespace}/${name}`
}

/** Key of an object that may be created. Throws 403 when the caller must not write to its namespace. */
export function writableKey(ctx: Context, namespace: string, name: string, kind = 'function'): string {
  noteSubject(ctx, { kind, namespace, name })
  requireNamespace(ctx, namespace)
  return existingKey(ctx, namespace, name, kind)
}

/** Throws 403 when the caller is not good for the namespace: to list it, or to write into it. */
export function requireNamespace(ctx: Context, namespace: string): void {
  markChecked(ctx)
  if (isWithin(callerOf(ctx).namespaces, namespace)) return
  throw new HttpError(403, 'FORBIDDEN', `these credentials are not for the namespace ${namespace}`)
}

/** The namespaces of a list: that of the query, or all that the caller sees. Throws 403 when it must not see that one. */
export function visibleNamespaces(ctx: Context): Namespaces {
  const namespace = queryNamespace(ctx)
  if (namespace !== undefined) requireNamespace(ctx, namespace)
  markChecked(ctx)
  return namespace === undefined ? callerOf(ctx).namespaces : new Set([namespace])
}
