const TOKEN = /^dfaas_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/

/** `dfaas_<id>_<secret>`: a prefix that scanners for leaked secrets know it by, the id, and 256 bits in base64url. */
export function formatToken(id: string, secret: Uint8Array): string {
  return `dfaas_${id}_${Buffer.from(secret).toString('base64url')}`
}

/** The parts of a token; undefined when the text is none. */
export function parseToken(text: string): { readonly id: string; readonly secret: string } | undefined {
  const [, id, secret] = TOKEN.exec(text) ?? []
  return id === undefined || secret === undefined ? undefined : { id, secret }
}
