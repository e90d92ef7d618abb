/** What a call is about, and so whose it must be when it comes through the socket proxy. */
export type Subject = 'container' | 'network' | 'volume' | 'image'

/** A body that may be sent, and what it describes; its rules are in `docker-bodies.ts`. */
export type BodyKind = 'container' | 'network' | 'attachment' | 'archive'

/** A call of the engine's API that this program makes. */
export interface Endpoint {
  readonly method: 'DELETE' | 'GET' | 'HEAD' | 'POST' | 'PUT'
  /** Without the version. `{container}` and the like stand for a name or an id. */
  readonly path: string
  /** Parameters of the query that it may have. */
  readonly query: readonly string[]
  readonly body?: BodyKind
  /** It changes what `{container}` and the like name, or tells of its inside: it must be an object of ours. */
  readonly ours?: true
  /** What it is for. */
  readonly use: string
}

/**
 * Every call of the engine that this program makes. The client refuses any other (`docker-client.ts`), so that nothing
 * is missing here, and `docker-faas socket-proxy` lets these through and nothing else. docs/docker-endpoints.md is
 * written out of it, by `node hack/endpoint-docs.ts`.
 */
export const ENDPOINTS: readonly Endpoint[] = [
  { method: 'GET', path: '/_ping', query: [], use: 'the heartbeat: whether the engine is there' },
  { method: 'GET', path: '/info', query: [], use: 'what the engine says of itself' },
  { method: 'GET', path: '/version', query: [], use: 'its version' },
  { method: 'GET', path: '/events', query: ['filters', 'since', 'until'], use: 'what happens, to look at soon' },

  { method: 'GET', path: '/containers/json', query: ['all', 'filters'], use: 'replicas, by their labels' },
  {
    method: 'GET',
    path: '/containers/{container}/json',
    query: [],
    use: 'one replica; the container that the gateway runs in'
  },
  { method: 'POST', path: '/containers/create', query: ['name'], body: 'container', use: 'a new replica' },
  { method: 'POST', path: '/containers/{container}/start', query: [], ours: true, use: 'starts a replica' },
  { method: 'POST', path: '/containers/{container}/kill', query: ['signal'], ours: true, use: 'stops a replica' },
  {
    method: 'POST',
    path: '/containers/{container}/pause',
    query: [],
    ours: true,
    use: 'freezes a replica that is idle'
  },
  {
    method: 'POST',
    path: '/containers/{container}/unpause',
    query: [],
    ours: true,
    use: 'thaws it for a call; mends one that was paused by hand'
  },
  { method: 'POST', path: '/containers/{container}/rename', query: ['name'], ours: true, use: 'moves one aside' },
  { method: 'DELETE', path: '/containers/{container}', query: ['force', 'v'], ours: true, use: 'removes a replica' },
  {
    method: 'GET',
    path: '/containers/{container}/logs',
    query: ['stdout', 'stderr', 'tail', 'since', 'timestamps', 'follow'],
    ours: true,
    use: 'what a replica wrote last, and what it writes, for whoever reads the logs of its function'
  },
  {
    method: 'GET',
    path: '/containers/{container}/stats',
    query: ['stream', 'one-shot'],
    ours: true,
    use: 'CPU and memory of a replica: for who looks, for metrics, and for a function that scales by CPU'
  },
  {
    method: 'PUT',
    path: '/containers/{container}/archive',
    query: ['path'],
    body: 'archive',
    ours: true,
    use: 'writes the secrets of a function into its volume'
  },
  {
    method: 'HEAD',
    path: '/containers/{container}/archive',
    query: ['path'],
    ours: true,
    use: 'whether they are all there'
  },

  { method: 'GET', path: '/networks', query: ['filters'], use: 'networks of functions, and which subnets are taken' },
  { method: 'GET', path: '/networks/{network}', query: [], use: 'who is on a network' },
  { method: 'POST', path: '/networks/create', query: [], body: 'network', use: 'the network of a function' },
  { method: 'DELETE', path: '/networks/{network}', query: [], ours: true, use: 'removes it' },
  {
    method: 'POST',
    path: '/networks/{network}/connect',
    query: [],
    body: 'attachment',
    ours: true,
    use: 'puts the gateway, or a replica, on it'
  },
  {
    method: 'POST',
    path: '/networks/{network}/disconnect',
    query: [],
    body: 'attachment',
    ours: true,
    use: 'takes the gateway off it; takes a replica off a network of others'
  },

  { method: 'GET', path: '/volumes', query: ['filters'], use: 'volumes of functions' },
  { method: 'GET', path: '/volumes/{volume}', query: [], use: 'whose a volume is' },
  { method: 'DELETE', path: '/volumes/{volume}', query: [], ours: true, use: 'removes one' },

  { method: 'GET', path: '/images/json', query: [], use: 'which images are unused' },
  { method: 'GET', path: '/images/{image}/json', query: [], use: 'the digest of an image' },
  { method: 'POST', path: '/images/create', query: ['fromImage', 'tag'], use: 'pulls an image' },
  { method: 'DELETE', path: '/images/{image}', query: [], use: 'removes one that was pulled for a function' }
]

/** A call of the table. */
export interface EngineCall {
  readonly endpoint: Endpoint
  /** Name or id of what it is about; absent when it is about nothing. */
  readonly name?: string
  readonly subject?: Subject
  readonly query: URLSearchParams
  /** As it was given, without what is no part of it. */
  readonly path: string
}

const VERSION = /^\/v1\.\d{1,3}(?=\/)/
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/
/** Repository, tag and digest; no part of a path may be `.` or `..`. */
const IMAGE = /^(?!.*(?:^|\/)\.{1,2}(?:\/|$))[a-zA-Z0-9][a-zA-Z0-9_.:@/-]*$/

const PATTERNS = ENDPOINTS.map(endpoint => {
  const [before = '', subject, after = ''] = endpoint.path.split(/\{(\w+)\}/)
  return { endpoint, before, subject: subject as Subject | undefined, after }
})

/**
 * The call of the table that a request makes; in words why it makes none, otherwise. `target` is a path with its query,
 * with or without a version of the API.
 */
export function readCall(method: string, target: string): EngineCall | string {
  const [pathname = '', search = ''] = splitOnce(target, '?')
  const plain = pathname.replace(VERSION, '')
  for (const { endpoint, before, subject, after } of PATTERNS) {
    if (endpoint.method !== method) continue
    const name = nameIn(plain, { before, subject, after })
    if (name === undefined) continue
    const query = new URLSearchParams(search)
    const unknown = [...query.keys()].find((key, n, all) => !endpoint.query.includes(key) || all.indexOf(key) !== n)
    if (unknown !== undefined) return `parameter ${unknown} of ${method} ${endpoint.path} is not in the table`
    return { endpoint, query, path: pathname, ...(subject === undefined ? {} : { subject, name }) }
  }
  return `${method} ${plain} is not in the table`
}

/** What stands in the place of the name, empty when the path has none; undefined when the path is another one. */
function nameIn(
  path: string,
  { before, subject, after }: { before: string; subject: Subject | undefined; after: string }
): string | undefined {
  if (subject === undefined) return path === before ? '' : undefined
  if (!path.startsWith(before) || !path.endsWith(after)) return undefined
  const encoded = path.slice(before.length, path.length - after.length)
  if (path.length < before.length + after.length + 1 || !/^[\w.:@/%-]+$/.test(encoded)) return undefined
  const name = decode(encoded)
  return name !== undefined && (subject === 'image' ? IMAGE : NAME).test(name) ? name : undefined
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined // a % that starts nothing
  }
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}
