import type { IncomingMessage } from 'node:http'
import { SMALL_BODY_BYTES } from './body.ts'

/**
 * Most bytes that a call takes up while it waits: its head, and what node:http reads of its body before anybody asks for it.
 * Of the body it counts what may come, so that the number does not grow while the call waits.
 */
export function heldBytes({ url = '', rawHeaders, headers }: IncomingMessage): number {
  let bytes = url.length
  for (const text of rawHeaders) bytes += text.length
  if (headers['transfer-encoding'] !== undefined) return bytes + SMALL_BODY_BYTES
  return bytes + Math.min(SMALL_BODY_BYTES, Number(headers['content-length'] ?? 0))
}
