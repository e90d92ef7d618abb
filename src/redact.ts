/** What stands in for a secret. */
export const REDACTED = '[redacted]'

/**
 * Names whose values never get out. `…Password`, `x-api-key`, `registry_auth`, `Set-Cookie`; not `AUTH_PASSWORD_FILE`,
 * which is a path, nor `AUTH_TOKEN_TTL`.
 */
const SECRET_NAME =
  /(^|[-_.]|[a-z](?=[A-Z]))(authorization|cookie|password|passwd|passphrase|secret|token|credentials?|api[-_]?key|private[-_]?key|(identity|registry)[-_]?(token|auth)|rawvalue)$/i

/** Whether a field of this name holds a secret. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name)
}

/** The text without the secrets that can be told from their surroundings: URL userinfo, auth headers, `password=…`. */
export function redactText(text: string): string {
  return text
    .replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#@"']*(?:@[^\s/?#@"']*)*@/gi, `$1${REDACTED}@`)
    .replace(/\b(basic|bearer)\s+[A-Za-z0-9+/=._~-]{4,}/gi, `$1 ${REDACTED}`)
    .replace(
      /\b((?:[a-z0-9]+[-_])*(?:x-registry-auth|authorization|password|passwd|secret|token|api[-_]?key|identitytoken)["']?\s*[=:]\s*)("[^"]*"|'[^']*'|(?!\[redacted\]|basic\b|bearer\b)[^\s&,;"'}]+)/gi,
      `$1${REDACTED}`
    )
}
