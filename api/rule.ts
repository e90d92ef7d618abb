import type { FieldError } from './errors.ts'
import type { StringMap } from './meta.ts'

/** Something that is asked of what somebody wants. */
export interface Rule<Wanted, Operator> {
  /** `invalid`: what breaks it cannot be; `forbidden`: the operator does not want it. */
  readonly kind: 'invalid' | 'forbidden'
  /**
   * What is wrong, what was given and what is allowed; none when the rule is kept. Fields have names that no wire's are part of:
   * `image`, `annotations`, `labels.com.openfaas.scale.min`. Pure.
   */
  readonly faults: (wanted: Wanted, operator: Operator) => readonly FieldError[]
}

/** A rule that is broken. */
export interface Violation extends FieldError {
  readonly kind: 'invalid' | 'forbidden'
}

/** Everything that breaks a rule, in the order of the rules. */
export function violationsOfRules<Wanted, Operator>(
  rules: readonly Rule<Wanted, Operator>[],
  wanted: Wanted,
  operator: Operator
): Violation[] {
  return rules.flatMap(({ kind, faults }) => faults(wanted, operator).map(fault => ({ kind, ...fault })))
}

/** Each of the messages, about one field. */
export function about(field: string, messages: readonly string[]): FieldError[] {
  return messages.map(message => ({ field, message }))
}

/** Where people say how a function or a namespace is to be treated. */
type SettingPlace = 'labels' | 'annotations'

/** A label or an annotation that says what cannot be: `<name> <rule>, got "…"`. */
export function settingFault(place: SettingPlace, name: string, rule: string, said: string): FieldError {
  return { field: place, message: `${name} ${rule}, got ${JSON.stringify(said.slice(0, 64))}` }
}

/** The same of one that is there and could not be read, so that `value` is undefined; else none. */
export function unreadSetting(
  place: SettingPlace,
  settings: StringMap,
  { name, value, rule }: { readonly name: string; readonly value: unknown; readonly rule: string }
): FieldError[] {
  const said = settings[name]
  return said === undefined || value !== undefined ? [] : [settingFault(place, name, rule, said)]
}
