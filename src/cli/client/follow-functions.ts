import type { FunctionObject } from '../../../api/function.ts'
import type { Environment } from '../environment.ts'
import { CliError, EXIT } from '../exit-code.ts'
import { Away, isAway } from './away.ts'
import type { FunctionName } from './function-name.ts'
import { type GatewayClient, queryOf } from './gateway-client.ts'
import { GatewayError } from './problem.ts'
import { type Change, watchFrom } from './watch.ts'

interface FunctionList {
  readonly metadata: { readonly resourceVersion: number }
  readonly items: readonly FunctionObject[]
}

const PATH = '/v1/functions'
const GONE = 410

/** How a function stands: undefined where there is none. */
export type Standing = FunctionObject | undefined

/**
 * How the functions of a namespace stand, by name, now and after each change, until `signal` is aborted. Who looks at it after a restart of the gateway sees them as they are then: nothing is decided by what was told.
 */
export async function* followFunctions(
  environment: Pick<Environment, 'stderr'>,
  client: GatewayClient,
  namespace: string,
  signal: AbortSignal
): AsyncGenerator<ReadonlyMap<string, FunctionObject>> {
  const away = new Away(environment)
  for (let isFirst = true; !signal.aborted; isFirst = false) {
    try {
      for await (const known of followFromList(environment, client, namespace, signal)) {
        away.back()
        yield known
      }
    } catch (err) {
      const mustListAgain = err instanceof GatewayError && err.status === GONE
      if (!signal.aborted && (isFirst || !(mustListAgain || isAway(err)))) throw err
      await away.pause(signal)
    }
  }
}

async function* followFromList(
  environment: Pick<Environment, 'stderr'>,
  client: GatewayClient,
  namespace: string,
  signal: AbortSignal
): AsyncGenerator<ReadonlyMap<string, FunctionObject>> {
  const query = { namespace }
  const list = await client.call<FunctionList>('GET', `${PATH}${queryOf(query)}`, undefined, { signal })
  const known = new Map(list.items.map(object => [object.metadata.name, object]))
  yield known
  const since = list.metadata.resourceVersion
  const versionOf = ({ metadata }: FunctionObject) => metadata.resourceVersion
  for await (const change of watchFrom<FunctionObject>(environment, client, {
    ...{ path: PATH, query, since, versionOf, signal }
  })) {
    note(known, change)
    yield known
  }
}

function note(known: Map<string, FunctionObject>, { type, object }: Change<FunctionObject>): void {
  const { name, uid } = object.metadata
  if (type !== 'DELETED') known.set(name, object)
  // A new one of that name may be there already.
  else if (known.get(name)?.metadata.uid === uid) known.delete(name)
}

/** So long must nothing but a person help before it is believed: what somebody has just mended is looked at again within this. */
const STUCK_MS = 2000

/**
 * What `done` says once it is no longer undefined. Throws when the time is over, with what `late` says then, and before that, with what
 * `stuck` says, when that says for two seconds that waiting does not help.
 */
export async function waitForFunctions<T>(
  environment: Pick<Environment, 'stderr'>,
  client: GatewayClient,
  wanted: {
    readonly names: readonly FunctionName[]
    readonly timeoutMs: number
    /** Called after each change with how each of the names stands. */
    readonly done: (standings: readonly Standing[]) => T | undefined
    readonly late: (standings: readonly Standing[]) => string
    /** Why none of those that are waited for becomes what it should be by itself; undefined when one of them may. */
    readonly stuck?: (standings: readonly Standing[]) => string | undefined
  }
): Promise<T> {
  const { names, timeoutMs, done, late, stuck = () => undefined } = wanted
  const end = AbortSignal.timeout(timeoutMs)
  const leave = new AbortController()
  const signal = AbortSignal.any([end, leave.signal])
  const namespaces = [...new Set(names.map(({ namespace }) => namespace))]
  const known = new Map<string, ReadonlyMap<string, FunctionObject>>()
  const standings = () => names.map(({ name, namespace }) => known.get(namespace)?.get(name))
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  using patience = new Patience(() => reject(new CliError(stuck(standings()) ?? late(standings()))))
  const followed = namespaces.map(async namespace => {
    for await (const functions of followFunctions(environment, client, namespace, signal)) {
      known.set(namespace, functions)
      const answer = known.size < namespaces.length ? undefined : done(standings())
      if (answer !== undefined) resolve(answer)
      patience.note(stuck(standings()) !== undefined)
    }
  })
  Promise.all(followed).then(() => reject(new CliError(late(standings()), EXIT.timeout)), reject)
  try {
    return await promise
  } finally {
    leave.abort()
    await Promise.allSettled(followed)
  }
}

/** Calls `lose` when nothing else was noted for two seconds than that waiting does not help. */
class Patience implements Disposable {
  readonly #lose: () => void
  #timer: NodeJS.Timeout | undefined

  constructor(lose: () => void) {
    this.#lose = lose
  }

  note(isStuck: boolean): void {
    if (isStuck) this.#timer ??= setTimeout(this.#lose, STUCK_MS)
    else this[Symbol.dispose]()
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
