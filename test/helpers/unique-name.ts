import { randomBytes } from 'node:crypto'

/**
 * A name that nothing else has, such as `test-3f2a9c01`, for what tests make on an engine: as its label, or in its own name. Those
 * of one run of `npm test` have its mark in them, by which it finds what is left of them in the end.
 */
export function uniqueName(kind = 'test'): string {
  return `${kind}-${process.env['TEST_MARK'] ?? ''}${randomBytes(4).toString('hex')}`
}
