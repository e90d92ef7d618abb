import { ValidationError } from './errors.ts'
import type { StringMap } from './meta.ts'

/** Whether an object with these labels is selected. */
export type LabelSelector = (labels: StringMap) => boolean

const KEY = '[A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?'
const VALUE = '[-A-Za-z0-9_.]*'
const EXISTS = new RegExp(`^(!?)\\s*(${KEY})$`)
const EQUALITY = new RegExp(`^(${KEY})\\s*(==|=|!=)\\s*(${VALUE})$`)
const SET = new RegExp(`^(${KEY})\\s+(in|notin)\\s*\\(([^()]*)\\)$`)
const SET_VALUE = new RegExp(`^${VALUE}$`)

const MAX_LENGTH = 4096

/**
 * The selector that the text means: `a=b`, `a!=b`, `a in (x,y)`, `a notin (x,y)`, `a`, `!a`, joined by commas, all of
 * which must hold. Empty text selects everything. `!=` and `notin` also select objects without the label.
 * Throws `ValidationError`. Source: Kubernetes, "Labels and Selectors".
 */
export function parseLabelSelector(text: string): LabelSelector {
  if (text.length > MAX_LENGTH) throw invalid(`must be at most ${MAX_LENGTH} characters`)
  if (text.trim() === '') return () => true
  const requirements = splitOutsideParentheses(text).map(parseRequirement)
  return labels => requirements.every(holds => holds(labels))
}

function parseRequirement(text: string): LabelSelector {
  const exists = EXISTS.exec(text)
  if (exists !== null) {
    const [, not, key = ''] = exists
    return labels => Object.hasOwn(labels, key) === (not === '')
  }
  const equality = EQUALITY.exec(text)
  if (equality !== null) {
    const [, key = '', operator, value] = equality
    return labels => (labelValue(labels, key) === value) === (operator !== '!=')
  }
  const set = SET.exec(text)
  const values = set?.[3]?.split(',').map(value => value.trim())
  if (set === null || values === undefined || !values.every(value => SET_VALUE.test(value))) {
    throw invalid(
      `must be "a=b", "a!=b", "a in (x,y)", "a notin (x,y)", "a" or "!a", not ${JSON.stringify(text.slice(0, 64))}`
    )
  }
  const [, key = '', operator] = set
  return labels => values.some(value => labelValue(labels, key) === value) === (operator === 'in')
}

function labelValue(labels: StringMap, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined
}

function splitOutsideParentheses(text: string): string[] {
  return text.split(/,(?![^(]*\))/).map(part => part.trim())
}

function invalid(message: string): ValidationError {
  return new ValidationError([{ field: 'labelSelector', message }])
}
