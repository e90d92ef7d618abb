import { callSettingFaults } from '../../api/call-settings.ts'
import { PolicyError, ValidationError } from '../../api/errors.ts'
import type { FunctionDraft } from '../../api/function.ts'
import { type IsolationRules, type Violation, violationsOf } from '../../api/isolation.ts'
import { scalingFaults } from '../../api/scaling.ts'

/** How a wire calls the fields of a function. */
export type Wire = 'system' | 'v1'

/**
 * The draft, when the operator's rules allow it. Asked of what a client sends as a whole function, and not of what scales or
 * restarts one: of what was there before a rule, a condition tells. Throws `ValidationError` or `PolicyError`.
 */
export function admit(draft: FunctionDraft, rules: IsolationRules, wire: Wire): FunctionDraft {
  const { namespace, annotations, labels, spec } = draft
  const found: readonly Violation[] = [
    ...violationsOf({ namespace, annotations, image: spec.image, debug: spec.debug }, rules),
    ...[...scalingFaults(labels, annotations), ...callSettingFaults(annotations)].map(fault => ({
      kind: 'invalid' as const,
      ...fault
    }))
  ]
  if (found.length === 0) return draft
  const errors = found.map(({ field, message }) => ({ field: fieldOn(wire, field), message }))
  throw found.some(({ kind }) => kind === 'invalid') ? new ValidationError(errors) : new PolicyError(errors)
}

function fieldOn(wire: Wire, field: Violation['field']): string {
  if (wire === 'system') return field
  return field === 'annotations' || field === 'labels' ? `metadata.${field}` : `spec.${field}`
}
