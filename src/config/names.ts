import { nearestWord } from '../../api/edit-distance.ts'

const OUR_PREFIX = 'DOCKER_FAAS_'

/** Variables of other programs, and of our own as a client, that are no misspelling of ours, however near they are. */
const WELL_KNOWN: ReadonlySet<string> = new Set([
  ...['CA_FILE', 'CONFIG', 'CONTEXT', 'GATEWAY', 'NAMESPACE', 'TOKEN', 'TOKEN_FILE'].map(name => OUR_PREFIX + name),
  ...['DOCKER_API_VERSION', 'DOCKER_AUTH_CONFIG', 'DOCKER_BUILDKIT', 'DOCKER_CERT_PATH', 'DOCKER_CONFIG'],
  ...['DOCKER_CONTENT_TRUST', 'DOCKER_CONTEXT', 'DOCKER_DEFAULT_PLATFORM', 'DOCKER_HOSTS', 'DOCKER_PORT'],
  ...['DOCKER_TLS', 'DOCKER_TLS_VERIFY', 'DOCKER_TMPDIR', 'DOCKER_ROOT', 'INSTANCE_IP', 'INSTANCE_IDS', 'NO_COLORS']
])

/** Why a variable that nobody reads is likely a mistake; undefined when it is none of our business. */
export function unknownNameProblem(name: string, known: ReadonlySet<string>): string | undefined {
  if (known.has(name) || WELL_KNOWN.has(name)) return undefined
  const ours = name.startsWith(OUR_PREFIX)
  const meant = nearestWord(name, known) ?? (ours ? nearestWord(name.slice(OUR_PREFIX.length), known) : undefined)
  if (meant !== undefined) return `is not known; did you mean ${meant}?`
  return ours ? 'is not known; see docs/configuration.md for those that are' : undefined
}
