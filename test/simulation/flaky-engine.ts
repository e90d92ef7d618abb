import type { Engine, EngineEvent } from '../../src/engine/engine.ts'
import type { FakeEngine } from '../helpers/fake-engine.ts'
import { KilledError, streamOf } from '../helpers/killed-engine.ts'
import { injected, type Rates, randomFault } from './chaos.ts'
import type { Random } from './random.ts'

export interface FlakyDeps {
  readonly engine: FakeEngine
  readonly rates: Rates
  readonly random: Random
  readonly isPoolTight: boolean
  /** Whether the engine answers at all. */
  readonly isUp: () => boolean
  readonly isAlive: () => boolean
  readonly kill: () => void
  /** Ends after so many virtual milliseconds, whoever lives by then. */
  readonly wait: (ms: number) => Promise<void>
  /** Runs later, whoever lives by then. */
  readonly later: (run: () => void, ms: number) => void
  readonly trace: (text: string) => void
  /** A call is about to have its effect. */
  readonly about: (operation: string, subject: string) => void
  /** A container was started. */
  readonly started: (nameOrId: string) => void
}

const MUTATING = /^(create|start|signal|unpause|rename|remove|connect|disconnect|pull|write)/
const FAST_MS = 40
const SLOW_MS = 4000
const REMOVAL_MS = 20_000
const LATE_MS = 5000

/** The fake engine as one process sees it: calls take time, fail, and are cut off by the end of the process. */
export function flakyEngine(deps: FlakyDeps): Engine {
  return new Proxy(deps.engine, {
    get(target, name: string & keyof Engine) {
      if (name === 'watch') return (signal: AbortSignal) => watch(deps, signal)
      const method: unknown = target[name]
      if (typeof method !== 'function') return method
      if (name === 'readLogs')
        return (...args: unknown[]) => streamOf(call(deps, name, args, async () => method.apply(target, args)))
      return (...args: unknown[]) => call(deps, name, args, () => method.apply(target, args) as Promise<unknown>)
    }
  })
}

async function call(
  deps: FlakyDeps,
  name: string,
  args: readonly unknown[],
  effect: () => Promise<unknown>
): Promise<unknown> {
  const { random, rates, isAlive, isUp, kill, wait, trace, about, started } = deps
  if (!isAlive()) throw new KilledError('the process was killed')
  const mutating = MUTATING.test(name)
  const run = async () => {
    if (mutating) trace(`call ${name} ${typeof args[0] === 'string' ? args.slice(0, 2).filter(isText).join(' ') : ''}`)
    about(name, String(args[0]))
    if (name === 'removeContainer' && random.chance(rates.slowRemoval)) await removeSlowly(deps, String(args[0]))
    else return effect().finally(() => (name === 'startContainer' ? started(String(args[0])) : undefined))
  }
  if (mutating && random.chance(rates.kill)) {
    if (random.chance(0.5)) await run()
    kill()
    throw new KilledError('the process was killed')
  }
  await wait(random.below(random.chance(rates.slow) ? SLOW_MS : FAST_MS))
  const fault = random.chance(rates.fault) ? randomFault(random, deps) : undefined
  const after = random.chance(0.5)
  if (!isUp()) throw injected(name, 'unavailable')
  if (!isAlive() && after) throw new KilledError('the process was killed')
  if (fault !== undefined && !after) throw injected(name, fault)
  const result = await run()
  await wait(random.below(FAST_MS))
  if (!isAlive()) throw new KilledError('the process was killed')
  if (fault !== undefined) throw injected(name, fault)
  return result
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

/** The engine answers that it is done, or that it takes too long, while the removal goes on. */
async function removeSlowly({ engine, random, later, wait }: FlakyDeps, nameOrId: string): Promise<void> {
  const finish = engine.beginRemoval(nameOrId)
  const durationMs = random.below(REMOVAL_MS)
  later(finish, durationMs)
  if (durationMs < REMOVAL_MS / 2) return wait(durationMs)
  await wait(REMOVAL_MS / 2)
  throw injected('container_remove', 'timeout')
}

/** Events as they come, but for those that are lost and those that come late. */
async function* watch(deps: FlakyDeps, signal: AbortSignal): AsyncIterable<EngineEvent> {
  const { engine, random, rates, later, isUp } = deps
  if (!isUp()) throw injected('events', 'unavailable')
  const queue: EngineEvent[] = []
  let wake: () => void = () => undefined
  let failure: { readonly err: unknown } | undefined
  let ended = false
  const push = (event: EngineEvent) => {
    queue.push(event)
    wake()
  }
  const read = async () => {
    try {
      for await (const event of engine.watch(signal)) {
        if (event.kind !== 'connected' && random.chance(rates.lostEvent)) continue
        if (event.kind !== 'connected' && random.chance(rates.lateEvent))
          later(() => push(event), random.below(LATE_MS))
        else push(event)
      }
    } catch (err) {
      failure = { err }
    }
    ended = true
    wake()
  }
  void read()
  for (;;) {
    const event = queue.shift()
    if (event !== undefined) yield event
    else if (failure !== undefined) throw failure.err
    else if (ended) return
    else await new Promise<void>(resolve => (wake = resolve))
  }
}
