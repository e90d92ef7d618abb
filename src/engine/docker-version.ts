import type { IncomingMessage } from 'node:http'

/** Docker 20.10: what older ones answer has not been tried. */
const OLDEST = [1, 41] as const
const UPGRADE = 'https://docs.docker.com/engine/install/'

/** Throws when the engine that gave the answer is too old. One that is newer than we know answers what we ask all the same. */
export function refuseOldEngine(answer: unknown): void {
  const version = (answer as Partial<Pick<IncomingMessage, 'headers'>>).headers?.['api-version']
  const [major = 0, minor = 0] = String(version).split('.').map(Number)
  if (version === undefined || Number.isNaN(major + minor)) return
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return
  throw new Error(
    `the engine speaks API ${version}, and ${OLDEST.join('.')} (Docker 20.10) is the oldest that will do; upgrade it: ${UPGRADE}`
  )
}
