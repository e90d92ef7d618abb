const OUR_PREFIX = 'DOCKER_FAAS_'
/** Names shorter than this are too close to everything. */
const MIN_LENGTH = 8
const MAX_DISTANCE = 2

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
  const meant = nearest(name, known) ?? (ours ? nearest(name.slice(OUR_PREFIX.length), known) : undefined)
  if (meant !== undefined) return `is not known; did you mean ${meant}?`
  return ours ? 'is not known; see docs/configuration.md for those that are' : undefined
}

/** The known name that takes the fewest edits, if few enough. */
function nearest(name: string, known: ReadonlySet<string>): string | undefined {
  let best: string | undefined
  let bestDistance = MAX_DISTANCE + 1
  for (const candidate of known) {
    if (candidate.length < MIN_LENGTH || Math.abs(candidate.length - name.length) > MAX_DISTANCE) continue
    const distance = editDistance(name, candidate)
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance]
  }
  return best
}

/** Least number of characters to insert, remove or replace. Source: Wagner and Fischer, 1974; one row at a time. */
export function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let i = 0; i < from.length; i++) {
    const next = [i + 1]
    for (let j = 0; j < to.length; j++) {
      const replaced = (row[j] ?? 0) + (from[i] === to[j] ? 0 : 1)
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}
