/** A label or an annotation that says what cannot be. */
export interface RuleFault {
  readonly field: 'labels' | 'annotations'
  readonly message: string
}

/** `<name> <rule>, got "…"`. */
export function ruleFault(field: RuleFault['field'], name: string, rule: string, said: string): RuleFault {
  return { field, message: `${name} ${rule}, got ${JSON.stringify(said.slice(0, 64))}` }
}
