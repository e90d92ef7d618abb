import { describeError } from './error-chain.ts'

/** What stands in for a secret. */
export const REDACTED = '[redacted]'

/** Texts are cut here: a log line is no place for a body, and the patterns below stay cheap. */
const MAX_TEXT = 8192
const MAX_DEPTH = 8
const MAX_ITEMS = 200

const SECRET_NAME =
  /(authorization|cookie|password|passwd|passphrase|secret|token|credentials?|api[-_]?key|private[-_]?key|registry[-_]?auth|rawvalue)$|^auth$/i

/**
 * What hides inside text. A header goes to the end of its line; the last rule takes `password=…`, `"token": "…"`, also
 * in JSON that is quoted once more.
 */
const RULES: readonly (readonly [RegExp, string])[] = [
  [/([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/?#"'<>]*@/gi, `$1${REDACTED}@`],
  [
    /((?:authorization|cookie|x-registry-auth)(?:\\*["'])?\s*[:=]\s*(?:\\*["'])?)[^\s"'\\][^\r\n"'\\]*/gi,
    `$1${REDACTED}`
  ],
  [/\bdfaas_[0-9a-f]{16}_[\w-]{43}/g, REDACTED],
  [/\b(basic|bearer)\s+[A-Za-z0-9+/=._~-]{4,}/gi, `$1 ${REDACTED}`],
  [
    /((?:password|passwd|passphrase|secret|token|api[-_]?key|rawvalue)(?:\\*["'])?\s*[=:]\s*)("(?:\\.|[^"\\])*"|\\"(?:\\\\(?:\\\\|\\"|[^\\"])|[^"\\])*\\"|\\*".*|'[^']*'|(?!\[redacted\])[^\s&,;"'}\]]+)/gi,
    `$1${REDACTED}`
  ]
]

/** Whether what has this name (of a field, a header, a variable) is a secret. `AUTH_PASSWORD_FILE` is a path and is none. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name)
}

/** The text, at most 8192 characters, without the secrets that can be told from their surroundings. */
export function redactText(text: string): string {
  const short = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text
  return RULES.reduce((result, [pattern, replacement]) => result.replace(pattern, replacement), short)
}

/**
 * A copy that can be written as JSON, without secrets: values of secret names, also where names and values alternate in
 * an array as in raw headers, and what `redactText` finds. Cycles and great depths are cut. Never throws.
 */
export function redact(value: unknown): unknown {
  return copy(value, [])
}

function copy(value: unknown, parents: readonly object[]): unknown {
  if (typeof value === 'string') return redactText(value)
  if (typeof value === 'bigint' || typeof value === 'symbol') return String(value)
  if (typeof value === 'function') return '[function]'
  if (typeof value !== 'object' || value === null) return value
  if (parents.includes(value)) return '[circular]'
  if (parents.length >= MAX_DEPTH) return '[too deep]'
  try {
    return copyObject(value, [...parents, value])
  } catch {
    return '[unreadable]' // a getter or toJSON of a foreign object threw: the rest of the record is worth more
  }
}

function copyObject(value: object, parents: readonly object[]): unknown {
  if (value instanceof Error) return copy(describeError(value), parents)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (value instanceof Map)
    return copyEntries(
      [...value].map(([name, item]) => [String(name), item] as const),
      parents
    )
  if (value instanceof Set) return copyArray([...value], parents)
  if (Array.isArray(value)) return copyArray(value, parents)
  if (value instanceof URL) return redactText(value.href)
  return copyEntries(Object.entries(value), parents)
}

function copyArray(items: readonly unknown[], parents: readonly object[]): unknown[] {
  return items.slice(0, MAX_ITEMS).map((item, index) => {
    const before = index % 2 === 1 ? items[index - 1] : undefined
    return typeof before === 'string' && isSecretName(before) ? hide(item) : copy(item, parents)
  })
}

function copyEntries(entries: readonly (readonly [string, unknown])[], parents: readonly object[]): object {
  const copied = entries.map(([name, item]) => [name, isSecretName(name) ? hide(item) : copy(item, parents)])
  return Object.fromEntries(copied)
}

/** Whether there is a secret, and of what kind, may be known: `hasToken: true`, `token: undefined`. */
function hide(value: unknown): unknown {
  return value === undefined || value === null || typeof value === 'boolean' || value === '' ? value : REDACTED
}
