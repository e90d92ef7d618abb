import { expect } from 'chai'
import { EngineError } from '../../src/engine/faults.ts'
import type { ResyncReason } from '../../src/metrics/engine.ts'
import { StorageFullError, StoreUnavailableError } from '../../src/store/errors.ts'
import { aFunction } from '../../test/helpers/builders.ts'
import { Resync, type ResyncDeps } from './resync.ts'

const KEYS = ['openfaas-fn/a', 'openfaas-fn/b']
const NEVER = new AbortController().signal

/** A resync of two functions whose sights the test gives. */
function aResync(overrides: Partial<ResyncDeps> = {}) {
  const seen = { added: [] as string[], later: [] as [string, number][], confirmed: [] as string[], complete: 0 }
  const sights = new Map(KEYS.map(key => [key, 'as it was']))
  const errors: unknown[] = []
  const resync = new Resync({
    functions: { list: async () => ['a', 'b'].map(name => aFunction({ name })) },
    add: key => seen.added.push(key),
    addAfter: (key, ms) => seen.later.push([key, ms]),
    look: async () => sights,
    confirm: keys => seen.confirmed.push(...keys),
    onFirstComplete: () => seen.complete++,
    onResync: () => undefined,
    onLookError: err => errors.push(err),
    fullLookMs: 1000,
    random: () => 0.5,
    now: () => 0,
    ...overrides
  })
  /** A pass that leaves the key at rest, or not, or fails. */
  const pass = (key: string, sight: string | undefined, err?: unknown) =>
    resync
      .attend({
        name: 'function',
        reconcile: async () => {
          resync.left(key, sight)
          if (err !== undefined) throw err
          return {}
        }
      })
      .reconcile(key, NEVER)
  return { resync, seen, sights, errors, pass }
}

describe('Resync', () => {
  it('enqueues every function, whatever a look would show, but on the period', async () => {
    for (const reason of ['start', 'reconnect', 'disconnect', 'asked'] satisfies ResyncReason[]) {
      const { resync, seen, pass } = aResync()
      for (const key of KEYS) await pass(key, 'as it was')
      await resync.run(reason)
      expect(seen.added).to.deep.equal(KEYS)
    }
  })

  it('enqueues on the period those that changed or are not at rest, and asks the replicas of the others', async () => {
    const { resync, seen, sights, pass } = aResync()
    await pass('openfaas-fn/a', 'as it was')
    await pass('openfaas-fn/b', undefined)
    await resync.run('periodic')
    expect(seen).to.deep.include({ added: ['openfaas-fn/b'], confirmed: ['openfaas-fn/a'] })
    sights.set('openfaas-fn/a', 'changed')
    await resync.run('periodic', { spreadMs: 100 })
    expect(seen.later.slice(-2)).to.deep.equal([
      ['openfaas-fn/a', 50],
      ['openfaas-fn/b', 50]
    ])
  })

  it('enqueues all on the period when the look fails, and tells why', async () => {
    const failure = new EngineError('container_list', 'unavailable', 'away')
    const { resync, seen, errors, pass } = aResync({ look: () => Promise.reject(failure) })
    for (const key of KEYS) await pass(key, 'as it was')
    await resync.run('periodic')
    expect(seen.added).to.deep.equal(KEYS)
    expect(errors).to.deep.equal([failure])
  })

  it('enqueues on the period what failed since it was at rest, and what was never looked at', async () => {
    const { resync, seen, pass } = aResync()
    await pass('openfaas-fn/a', 'as it was')
    await pass('openfaas-fn/a', 'as it was', new Error('the status was not written')).catch(() => undefined)
    await resync.run('periodic')
    expect(seen.added).to.deep.equal(KEYS)
  })

  it('has a function at rest looked at in full after a while, and no other', async () => {
    const { seen, pass } = aResync()
    await pass('openfaas-fn/a', 'as it was')
    await pass('openfaas-fn/b', undefined)
    expect(seen.later).to.deep.equal([['openfaas-fn/a', 750]])
  })

  it('is complete when every function of the first list was looked at, but for an engine that is away', async () => {
    const { resync, seen, pass } = aResync()
    await resync.run('start')
    await pass('openfaas-fn/a', undefined, new Error('no such image')).catch(() => undefined)
    const away = new EngineError('container_list', 'unavailable', 'away')
    await pass('openfaas-fn/b', undefined, away).catch(() => undefined)
    expect([resync.isComplete, seen.complete]).to.deep.equal([false, 0])
    await pass('openfaas-fn/b', undefined)
    await pass('openfaas-fn/b', undefined)
    expect([resync.isComplete, seen.complete]).to.deep.equal([true, 1])
  })

  for (const blind of [new StoreUnavailableError('SQLITE_IOERR'), new StorageFullError()]) {
    it(`is not complete when a pass ended with ${blind.name}, which learned nothing, but when the next one did`, async () => {
      const { resync, seen, pass } = aResync()
      await resync.run('start')
      await pass('openfaas-fn/a', 'as it was')
      await pass('openfaas-fn/b', undefined, blind).catch(() => undefined)
      expect([resync.isComplete, seen.complete]).to.deep.equal([false, 0])
      await pass('openfaas-fn/b', undefined)
      expect([resync.isComplete, seen.complete]).to.deep.equal([true, 1])
    })
  }

  it('waits for what else is awaited, also when there is no function', async () => {
    const { resync, seen } = aResync({ functions: { list: async () => [] }, alsoAwaited: ['engine/comparison'] })
    await resync.run('start')
    expect(seen.complete).to.equal(0)
    resync.settled('engine/comparison')
    expect(seen.complete).to.equal(1)
  })

  it('is complete at once when there is no function', async () => {
    const { resync, seen } = aResync({ functions: { list: async () => [] } })
    await resync.run('start')
    expect(seen.complete).to.equal(1)
  })
})
