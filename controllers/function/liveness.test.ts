import { expect } from 'chai'
import { getCondition } from '../../api/condition.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { EngineError } from '../../src/engine/faults.ts'
import { BARE_SPEC } from '../../test/helpers/builders.ts'
import { Loop } from '../../test/helpers/loop.ts'

/** Calls that a test lets fail for as long as it lasts. */
const ALWAYS = { times: 1000 }

describe('FunctionReconciler, when one thing fails for ever', () => {
  let loop: Loop

  beforeEach(async () => {
    loop = await Loop.open()
  })
  afterEach(() => loop.close())

  /** Some passes, whatever becomes of them. */
  async function passes(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      await loop.pass().catch(() => undefined)
      loop.clock.advance(1000)
    }
  }

  it('stops surplus replicas though the new revision cannot be created', async () => {
    await loop.put({ replicas: 4 })
    await loop.settle()
    await loop.put({ replicas: 1, image: 'hello:2' })
    loop.engine.fail('container_create', 'other', ALWAYS)
    await passes(6)
    expect((await loop.containers()).filter(text => text.endsWith('running'))).to.have.length(1)
    expect(loop.endpoints.get('openfaas-fn/hello')?.endpoints).to.have.length(1)
  })

  it('replaces a dead replica whose output the engine does not give', async () => {
    await loop.put()
    await loop.settle()
    loop.engine.exit('hello-0', 1)
    loop.engine.fail('container_logs', 'busy', ALWAYS)
    await passes(4)
    expect(await loop.containers()).to.deep.equal(['hello-0 running'])
  })

  it('tells of a failure of the engine while it reads the output of a dead replica', async () => {
    await loop.put()
    await loop.settle()
    loop.engine.exit('hello-0', 1)
    loop.engine.fail('container_logs', 'unavailable')
    await passes(1)
    expect(getCondition((await loop.get()).status.conditions, 'Degraded')?.reason).to.equal('EngineUnreachable')
  })

  it('comes to rest on a kernel that cannot limit memory', async () => {
    loop.engine.discardMemoryLimits()
    await loop.put({ limits: { memory: '64Mi' } })
    await loop.settle()
    expect(await loop.containers()).to.deep.equal(['hello-0 running'])
  })

  it('comes back, and not at once, while a step that was done has no effect', async () => {
    const network = 'bridge'
    await loop.engine.createNetwork({ name: network, labels: {}, subnet: '10.9.0.0/24' })
    // A stopped container can be attached to a network, and is no member of it.
    loop.gatewayId = await loop.engine.createContainer({ ...BARE_SPEC, name: 'stopped', network })
    await loop.put()
    const waits: (number | undefined)[] = []
    for (let i = 0; i < 6; i++) {
      waits.push((await loop.pass()).requeueAfter)
      loop.clock.advance(waits.at(-1) ?? 1000)
    }
    expect(waits.slice(2)).to.deep.equal([1000, 1000, 1000, 1000])
  })

  it('tells of a pass that was cut off at its deadline, and nothing of one that was cut off to stop', async () => {
    await loop.put()
    const statusAfter = async (reason: unknown) => {
      const abort = new AbortController()
      loop.restart(withHangingStart(loop.engine, () => abort.abort(reason)))
      await loop.reconciler.reconcile('openfaas-fn/hello', abort.signal).catch(() => undefined)
      return (await loop.get()).status
    }
    expect((await statusAfter(new DOMException('stopped', 'AbortError'))).observedGeneration).to.equal(0)
    const { observedGeneration, conditions } = await statusAfter(new DOMException('too slow', 'TimeoutError'))
    expect(observedGeneration).to.equal(1)
    expect(getCondition(conditions, 'Degraded')).to.include({ status: 'True', reason: 'EngineError' })
    expect(getCondition(conditions, 'Degraded')?.message).to.contain('too slow')
    expect(getCondition(conditions, 'Ready')?.status).to.equal('False')
  })
})

/** The engine, but for the start of a container, which ends only when the pass is aborted. */
function withHangingStart(engine: Engine, onStart: () => void): Engine {
  return new Proxy(engine, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      if (name !== 'startContainer') return value.bind(target)
      return async (_name: string, signal?: AbortSignal) => {
        onStart()
        expect(signal?.aborted).to.equal(true)
        throw new EngineError('container_start', 'aborted', 'start was aborted')
      }
    }
  })
}
