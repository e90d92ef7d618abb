import { hash } from 'node:crypto'

/** What an `Authorization` header says. */
export type Credentials =
  | { readonly kind: 'basic'; readonly user: string; readonly password: string }
  | { readonly kind: 'bearer'; readonly token: string }

/** Longer headers are nobody's. */
export const MAX_HEADER_LENGTH = 4096

/** What the header says; undefined when it is neither Basic (RFC 7617) nor Bearer (RFC 6750), is empty, or too long. */
export function parseCredentials(header: string): Credentials | undefined {
  if (header.length > MAX_HEADER_LENGTH) return undefined
  const [, scheme = '', text = ''] = /^(basic|bearer) +([A-Za-z0-9._~+/=-]+) *$/i.exec(header) ?? []
  if (scheme === '') return undefined
  if (scheme.toLowerCase() === 'bearer') return { kind: 'bearer', token: text }
  const decoded = Buffer.from(text, 'base64').toString('utf8')
  const colon = decoded.indexOf(':')
  return colon < 0 ? undefined : { kind: 'basic', user: decoded.slice(0, colon), password: decoded.slice(colon + 1) }
}

export function sha256(text: string): Buffer {
  return hash('sha256', text, 'buffer')
}
