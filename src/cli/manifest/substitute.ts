/** `$${` stays `${`; the rest of a dollar sign and a brace is a variable, or nothing that is known. */
const VARIABLE = /\$(\$?)\{([^}]*)\}?/g
const KNOWN = /^([A-Za-z_][A-Za-z0-9_]*)(?:(:?-)(.*))?$/s

/**
 * The text with `${NAME}`, `${NAME:-default}` (also for an empty variable) and `${NAME-default}` replaced; `$${` gives `${`, and
 * other dollar signs stay. `faults` says what cannot be, and stays, too: a variable that is not set and has no default, too, which
 * `faas-cli` leaves empty.
 */
export function substitute(
  text: string,
  env: Readonly<Record<string, string | undefined>>
): { readonly text: string; readonly faults: readonly string[] } {
  const faults: string[] = []
  const replaced = text.replace(VARIABLE, (whole: string, second: string, inside: string) => {
    if (second !== '') return whole.slice(1)
    const [, name, operator, fallback = ''] = (whole.endsWith('}') ? KNOWN.exec(inside) : null) ?? []
    if (name === undefined) {
      faults.push(`${whole} is no variable: \${NAME} or \${NAME:-default}; $\${ stands for a dollar sign and a brace`)
      return whole
    }
    const value = env[name]
    if (value !== undefined && !(value === '' && operator === ':-')) return value
    if (operator !== undefined) return fallback
    faults.push(`variable ${name} is not set: set it, or write \${${name}:-default}`)
    // Stays, so that nobody also finds the value missing.
    return whole
  })
  return { text: replaced, faults }
}
