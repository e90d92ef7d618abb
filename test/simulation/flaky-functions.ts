import type { FunctionObject } from '../../api/function.ts'
import { StoreUnavailableError } from '../../src/store/errors.ts'
import type { FunctionStore } from '../../src/store/store.ts'
import { KilledError } from '../helpers/killed-engine.ts'
import type { Rates } from './chaos.ts'
import type { Random } from './random.ts'

export interface FlakyFunctionsDeps {
  readonly functions: FunctionStore
  readonly rates: Rates
  readonly random: Random
  readonly isAlive: () => boolean
  readonly kill: () => void
  /** The size of a function was written, whether or not its process learns of it. */
  readonly onScaled: (object: FunctionObject) => void
}

/** The store as one process sees it: writes fail, and are cut off, before or after the commit, by the end of the process. */
export function flakyFunctions(deps: FlakyFunctionsDeps): FunctionStore {
  const { functions, rates, random, isAlive, kill, onScaled } = deps
  const read = async <T>(run: () => Promise<T>): Promise<T> => {
    if (!isAlive()) throw new KilledError('the process was killed')
    if (random.chance(rates.storeFault)) throw new StoreUnavailableError('injected')
    return run()
  }
  const write = async <T>(run: () => Promise<T>): Promise<T> => {
    if (!isAlive()) throw new KilledError('the process was killed')
    if (random.chance(rates.storeFault)) throw new StoreUnavailableError('injected')
    if (!random.chance(rates.kill)) return run()
    if (random.chance(0.5)) await run()
    kill()
    throw new KilledError('the process was killed')
  }
  return {
    get: key => read(() => functions.get(key)),
    list: options => read(() => functions.list(options)),
    put: (key, change, options) => write(() => functions.put(key, change, options)),
    markDeleted: (key, options) => write(() => functions.markDeleted(key, options)),
    remove: (key, uid) => write(() => functions.remove(key, uid)),
    putStatus: (key, uid, status) => write(() => functions.putStatus(key, uid, status)),
    putScale: (key, uid, decide) =>
      write(async () => {
        const object = await functions.putScale(key, uid, decide)
        if (object !== undefined) onScaled(object)
        return object
      }),
    revisions: key => read(() => functions.revisions(key)),
    resourceVersion: () => functions.resourceVersion(),
    watch: (resourceVersion, signal) => functions.watch(resourceVersion, signal),
    onChange: listener => functions.onChange(listener)
  }
}
