import type { Engine } from '../../src/engine/engine.ts'

/** The process is no more: what its calls end with once it was killed. */
export class KilledError extends Error {
  override name = 'KilledError'
}

export interface Killer {
  readonly engine: Engine
  /** Whether the process got as far as the call at which it was to be killed. */
  readonly wasKilled: () => boolean
}

const MUTATING = /^(create|start|signal|unpause|rename|remove|connect|disconnect|pull|write)/

/**
 * An engine whose user is killed at its `n`-th mutating call, from 0: before the engine got it, or after the engine
 * did it and before the answer came. From then on every call fails, as nobody is there any more to make one.
 */
export function killAt(engine: Engine, n: number, when: 'before' | 'after'): Killer {
  let calls = 0
  let killed = false
  const run = async (name: string, call: () => Promise<unknown>): Promise<unknown> => {
    if (killed) throw new KilledError('the process was killed')
    if (!MUTATING.test(name) || calls++ !== n) return call()
    killed = true
    if (when === 'after') await call()
    throw new KilledError('the process was killed')
  }
  const proxy = new Proxy(engine, {
    get(target, name: string & keyof Engine) {
      const method: unknown = target[name]
      if (typeof method !== 'function') return method
      if (name === 'readLogs')
        return (...args: unknown[]) => streamOf(run(name, async () => method.apply(target, args)))
      return (...args: unknown[]) => run(name, () => method.apply(target, args) as Promise<unknown>)
    }
  })
  return { engine: proxy, wasKilled: () => killed }
}

/** The items of a stream that is given later. */
export async function* streamOf<T>(stream: Promise<unknown>): AsyncGenerator<T> {
  yield* (await stream) as AsyncIterable<T>
}
