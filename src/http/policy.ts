import type { Context } from 'koa'
import { type FieldError, PolicyError, ValidationError } from '../../api/errors.ts'
import type { FunctionDraft } from '../../api/function.ts'
import { functionViolations, type OperatorRules, type WantedFunction } from '../../api/function-rules.ts'
import { DEFAULT_NAMESPACE, LEGACY_NAME, type StringMap } from '../../api/meta.ts'
import type { Violation } from '../../api/rule.ts'
import { isWithin } from '../../api/scope.ts'
import { namespaceFaults } from './access.ts'
import { callerOf } from './caller.ts'
import type { ApiDeps } from './deps.ts'
import { queryNamespace } from './query.ts'
import { isRecord, type Reading } from './validate.ts'

/** How a wire calls the fields of a function. */
export type Wire = 'system' | 'v1'

/** What is there, and the replicas as the request names them. */
type Asked = Pick<WantedFunction, 'current' | 'replicas' | 'knownSecrets' | 'isNamespaceMissing'>

const METADATA_FIELDS: ReadonlySet<string> = new Set(['name', 'namespace', 'labels', 'annotations'])

/**
 * The draft, when it breaks no rule. Asked of what a client sends as a whole function, and not of what scales or
 * restarts one: of what was there before a rule, a condition tells. Throws `ValidationError` or `PolicyError` with everything
 * that is broken.
 */
export function admit(draft: FunctionDraft, asked: Asked, operator: OperatorRules, wire: Wire): FunctionDraft {
  const { image, debug, secrets } = draft.spec
  const found = functionViolations({ ...draft, image, debug, secrets, ...asked }, operator)
  if (found.length === 0) return draft
  const errors = toErrors(found, wire)
  throw found.some(({ kind }) => kind === 'invalid') ? new ValidationError(errors) : new PolicyError(errors)
}

/**
 * What was read of a body. Throws `ValidationError` with everything that is wrong with it: beside the form of its fields, the
 * rules that the rest breaks, unless its namespace is in doubt or none of the caller's.
 */
export async function requireRead<T>(
  ctx: Context,
  deps: OperatorRules & Pick<ApiDeps, 'functions' | 'namespaces'>,
  reading: Reading<T>,
  sent: Sent
): Promise<T> {
  if ('data' in reading) return reading.data
  const wanted = wantedBy(sent)
  const doubt = namespaceFaults(ctx, wanted.namespace, fieldOn(sent.wire, 'namespace'))
  if (doubt.length > 0) throw new ValidationError([...reading.errors, ...doubt])
  const namespace = queryNamespace(ctx) ?? wanted.namespace
  if (!isWithin(callerOf(ctx).namespaces, namespace ?? DEFAULT_NAMESPACE)) throw new ValidationError(reading.errors)
  const key = `${namespace ?? DEFAULT_NAMESPACE}/${wanted.name}`
  const current = wanted.name === undefined ? undefined : await deps.functions.get(key)
  const isMissing = namespace !== undefined && (await isNamespaceMissing(deps, namespace))
  throw invalidBody(reading.errors, { ...wanted, namespace, current, isNamespaceMissing: isMissing }, deps, sent.wire)
}

/** Whether there is no such namespace. Asked before a write; that decides again, as it may go meanwhile. */
export async function isNamespaceMissing({ namespaces }: Pick<ApiDeps, 'namespaces'>, name: string): Promise<boolean> {
  return (await namespaces.get(name)) === undefined
}

/** A body whose fields are wrong, with the rules that the rest of it breaks. */
export function invalidBody(
  errors: readonly FieldError[],
  wanted: WantedFunction,
  operator: OperatorRules,
  wire: Wire
): ValidationError {
  const isTold = (field: string) => errors.some(error => error.field === field)
  const broken = toErrors(functionViolations(wanted, operator), wire).filter(({ field }) => !isTold(field))
  return new ValidationError([...errors, ...broken])
}

/** A body as it came. */
export interface Sent {
  readonly wire: Wire
  readonly body: unknown
  /** That of the path. */
  readonly name?: string
}

/** What can be read of a body though other parts of it are wrong. */
export function wantedBy({ wire, body, name }: Sent): Omit<WantedFunction, 'current'> {
  const whole = fieldsOf(body)
  const metadata = wire === 'v1' ? fieldsOf(whole['metadata']) : whole
  const spec = wire === 'v1' ? fieldsOf(whole['spec']) : whole
  const { image } = spec
  return {
    name: name ?? nameIn(metadata[wire === 'v1' ? 'name' : 'service']),
    namespace: nameIn(metadata['namespace']),
    labels: textsOf(metadata['labels']),
    annotations: textsOf(metadata['annotations']),
    image: typeof image === 'string' ? image : undefined,
    debug: spec['debug'] === true,
    replicas: wire === 'v1' && typeof spec['replicas'] === 'number' ? spec['replicas'] : undefined
  }
}

function nameIn(value: unknown): string | undefined {
  return typeof value === 'string' && LEGACY_NAME.test(value) ? value : undefined
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {}
}

function textsOf(value: unknown): StringMap {
  const entries = Object.entries(fieldsOf(value)).filter(([, text]) => typeof text === 'string')
  return Object.fromEntries(entries) as StringMap
}

function toErrors(violations: readonly Violation[], wire: Wire): FieldError[] {
  return violations.map(({ field, message }) => ({ field: fieldOn(wire, field), message }))
}

function fieldOn(wire: Wire, field: string): string {
  if (wire === 'system') return field === 'name' ? 'service' : field
  return `${METADATA_FIELDS.has(field.split('.')[0] ?? '') ? 'metadata' : 'spec'}.${field}`
}
