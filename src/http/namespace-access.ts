import type { Context } from 'koa'
import { NotFoundError, unknownNamespace, ValidationError } from '../../api/errors.ts'
import { DEFAULT_NAMESPACE, LEGACY_NAME } from '../../api/meta.ts'
import { type NamespaceDraft, type NamespaceObject, namespaceNameFault } from '../../api/namespace-object.ts'
import { isWithin } from '../../api/scope.ts'
import type { NamespacePutResult, NamespaceWriteOptions } from '../store/namespace-store.ts'
import { noteSubject } from './audit.ts'
import { callerOf } from './caller.ts'
import type { ApiDeps } from './deps.ts'
import { HttpError } from './errors.ts'
import { markChecked } from './route.ts'

type NamespaceDeps = Pick<ApiDeps, 'namespaces'>

/** The namespace that the request is about. Throws `NotFoundError` when it is not there, or not for the caller to see. */
export async function requireNamespaceObject(
  ctx: Context,
  { namespaces }: NamespaceDeps,
  name: string
): Promise<NamespaceObject> {
  noteNamespace(ctx, name)
  const isSeen = LEGACY_NAME.test(name) && isWithin(callerOf(ctx).namespaces, name)
  const object = isSeen ? await namespaces.get(name) : undefined
  if (object === undefined) throw notFound(name)
  return object
}

/** Throws `ValidationError` when there is no such namespace: asked only of callers who may know. */
export async function requireKnownNamespace({ namespaces }: NamespaceDeps, name: string): Promise<void> {
  if ((await namespaces.get(name)) === undefined) throw unknownNamespace(name)
}

/** Writes a namespace that is there. Throws `NotFoundError`. */
export function changeNamespace(
  ctx: Context,
  { namespaces }: NamespaceDeps,
  name: string,
  change: (current: NamespaceObject) => NamespaceDraft,
  options: NamespaceWriteOptions = {}
): Promise<NamespacePutResult> {
  noteNamespace(ctx, name)
  return namespaces.put(
    name,
    current => {
      if (current === undefined) throw notFound(name)
      return change(current)
    },
    options
  )
}

/** Throws `ValidationError` for a name that a new namespace cannot have; `field` is what names it. */
export function requireNewName(current: NamespaceObject | undefined, name: string, field: string): void {
  const fault = current === undefined ? namespaceNameFault(name) : undefined
  if (fault !== undefined) throw new ValidationError([{ field, message: fault }])
}

/**
 * Deletes a namespace that is empty, and what is left of calls in it, so that whoever gets its name next finds nothing of them.
 * Returns it as it was. Throws `NotFoundError`, and 409 while anything is in it, or for the default one.
 */
export async function deleteNamespace(
  ctx: Context,
  deps: Pick<ApiDeps, 'namespaces' | 'invocations' | 'log'>,
  name: string,
  options: NamespaceWriteOptions = {}
): Promise<NamespaceObject> {
  noteNamespace(ctx, name)
  if (name === DEFAULT_NAMESPACE) {
    throw new HttpError(409, 'DEFAULT_NAMESPACE', `namespace ${name} is that of functions that name none, and stays`)
  }
  const deleted = await deps.namespaces.delete(name, options)
  if (deleted === undefined) throw notFound(name)
  if (options.dryRun === true) return deleted
  try {
    await deps.invocations.purge({ namespaces: new Set([name]) })
  } catch (err) {
    // The namespace is gone: its answer must not become an error. Dead letters go by their age, too.
    deps.log.warn({ err, namespace: name }, 'Left dead letters of deleted namespace')
  }
  return deleted
}

export function noteNamespace(ctx: Context, name: string): void {
  markChecked(ctx)
  noteSubject(ctx, { kind: 'namespace', namespace: name, name })
}

function notFound(name: string): NotFoundError {
  return new NotFoundError('namespace', name.slice(0, 64))
}
