import type { ScheduleView } from '../../../api/schedule-view.ts'
import type { TokenView } from '../../../api/token.ts'
import { formatAge } from '../client/age.ts'
import type { View } from '../client/output.ts'
import { usageError } from '../exit-code.ts'
import { functionView } from './function-view.ts'

/** One kind of thing that a gateway has, as `get` shows it. */
export interface Resource {
  readonly plural: string
  /** Other words for it. */
  readonly aliases: readonly string[]
  readonly path: string
  /** Whether its things are in namespaces. */
  readonly namespaced: boolean
  /** Whether `-l` chooses among them. */
  readonly selectable: boolean
  // biome-ignore lint/suspicious/noExplicitAny: each resource is of its own type, and its view with it
  readonly view: (options: { readonly allNamespaces: boolean; readonly now: number }) => View<any>
}

interface Meta {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly createdAt?: string }
}

interface SecretResource extends Meta {
  readonly version: number
  readonly sizeBytes: number
  readonly usedBy: readonly string[]
}

interface NamespaceResource extends Meta {
  readonly status?: {
    readonly quota: Readonly<Record<string, number>>
    readonly used: Readonly<Record<string, number>>
  }
}

const NAMESPACE_COLUMN = {
  header: 'NAMESPACE',
  whole: true,
  value: ({ metadata }: Meta) => metadata.namespace
}

const RESOURCES: readonly Resource[] = [
  {
    ...{ plural: 'functions', aliases: ['function', 'fn'], path: '/v1/functions', namespaced: true, selectable: true },
    view: functionView
  },
  {
    ...{
      plural: 'namespaces',
      aliases: ['namespace', 'ns'],
      path: '/v1/namespaces',
      namespaced: false,
      selectable: true
    },
    view: ({ now }): View<NamespaceResource> => ({
      columns: [
        { header: 'NAME', value: ({ metadata }) => metadata.name, whole: true },
        { header: 'FUNCTIONS', value: ({ status }) => ofQuota(status, 'functions') },
        { header: 'REPLICAS', value: ({ status }) => ofQuota(status, 'replicas') },
        { header: 'AGE', value: ({ metadata }) => formatAge(metadata.createdAt, now) }
      ],
      name: ({ metadata }) => `namespace/${metadata.name}`,
      none: 'there are no namespaces'
    })
  },
  {
    ...{ plural: 'profiles', aliases: ['profile'], path: '/v1/profiles', namespaced: false, selectable: false },
    view: ({ now }): View<Meta> => ({
      columns: [
        { header: 'NAME', value: ({ metadata }) => metadata.name, whole: true },
        { header: 'AGE', value: ({ metadata }) => formatAge(metadata.createdAt, now) }
      ],
      name: ({ metadata }) => `profile/${metadata.name}`,
      none: 'there are no profiles'
    })
  },
  {
    ...{ plural: 'secrets', aliases: ['secret'], path: '/v1/secrets', namespaced: true, selectable: false },
    view: ({ allNamespaces, now }): View<SecretResource> => ({
      columns: [
        ...(allNamespaces ? [NAMESPACE_COLUMN] : []),
        { header: 'NAME', value: ({ metadata }) => metadata.name, whole: true },
        { header: 'VERSION', value: ({ version }) => version },
        { header: 'BYTES', value: ({ sizeBytes }) => sizeBytes },
        { header: 'AGE', value: ({ metadata }) => formatAge(metadata.createdAt, now) },
        { header: 'USED BY', value: ({ usedBy }) => usedBy.join(', '), wide: true }
      ],
      name: ({ metadata }) => `secret/${metadata.name}`,
      none: 'there are no secrets'
    })
  },
  {
    ...{ plural: 'schedules', aliases: ['schedule'], path: '/v1/schedules', namespaced: true, selectable: false },
    view: ({ allNamespaces, now }): View<ScheduleView> => ({
      columns: [
        ...(allNamespaces
          ? [{ header: 'NAMESPACE', value: ({ namespace }: ScheduleView) => namespace, whole: true }]
          : []),
        { header: 'FUNCTION', value: view => view.function, whole: true },
        { header: 'SCHEDULE', value: ({ schedule }) => schedule },
        { header: 'TIMEZONE', value: ({ timezone }) => timezone },
        { header: 'NEXT', value: ({ fault, suspended, next }) => fault ?? (suspended ? 'suspended' : next) },
        { header: 'LAST', value: ({ last }) => formatAge(last?.tick, now) },
        { header: 'RESULT', value: resultOf },
        { header: 'RUNS', value: ({ runs }) => runs, wide: true },
        { header: 'SKIPPED', value: ({ skipped }) => skipped, wide: true },
        { header: 'MISSED', value: ({ missed }) => missed, wide: true }
      ],
      name: view => `function/${view.function}`,
      none: 'no function has a schedule'
    })
  },
  {
    ...{ plural: 'tokens', aliases: ['token'], path: '/v1/tokens', namespaced: false, selectable: false },
    view: ({ now }): View<TokenView> => ({
      columns: [
        { header: 'NAME', value: ({ name }) => name, whole: true },
        { header: 'KIND', value: ({ kind }) => kind },
        { header: 'SCOPES', value: ({ scopes }) => scopes.join(',') },
        { header: 'NAMESPACES', value: ({ namespaces }) => namespaces?.join(',') ?? 'all' },
        { header: 'EXPIRES', value: ({ expiresAt }) => expiresAt ?? 'never' },
        { header: 'LAST USED', value: ({ lastUsedAt }) => formatAge(lastUsedAt, now) },
        { header: 'AGE', value: ({ createdAt }) => formatAge(createdAt, now) },
        { header: 'ID', value: ({ id }) => id, wide: true }
      ],
      name: ({ id }) => `token/${id}`,
      none: 'there are no tokens'
    })
  }
]

/** The words for what `get` shows. */
export const RESOURCE_WORDS = RESOURCES.map(({ plural }) => plural)

/** The resource that a word means. Throws when it means none. */
export function findResource(word: string): Resource {
  const found = RESOURCES.find(({ plural, aliases }) => plural === word || aliases.includes(word))
  if (found !== undefined) return found
  throw usageError(
    `${JSON.stringify(word)} is nothing that a gateway has: ${RESOURCE_WORDS.join(', ')}; name one as in function/hello`
  )
}

/** What a list of the gateway holds. */
export interface ItemList<T = object> {
  readonly metadata?: { readonly resourceVersion?: number }
  readonly items: readonly T[]
}

/** Where the last call is, and what it was answered with. */
function resultOf({ last }: ScheduleView): string | undefined {
  return last && [last.phase ?? 'forgotten', last.status ?? ''].join(' ').trim()
}

function ofQuota(status: NamespaceResource['status'], what: string): string | undefined {
  const [used, quota] = [status?.used[what], status?.quota[what]]
  return used === undefined ? undefined : `${used}${quota === undefined ? '' : `/${quota}`}`
}
