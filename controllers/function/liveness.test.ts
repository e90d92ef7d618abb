import { expect } from 'chai'
import { getCondition } from '../../api/condition.ts'
import type { ContainerSpec } from '../../src/engine/engine.ts'
import { Loop } from '../../test/helpers/loop.ts'

/** Calls that a test lets fail for as long as it lasts. */
const ALWAYS = { times: 1000 }

const A_SPEC: Omit<ContainerSpec, 'name' | 'network'> = {
  image: 'hello:1',
  labels: {},
  env: {},
  memoryBytes: 0,
  memoryReservationBytes: 0,
  nanoCpus: 0,
  cpuShares: 0,
  pidsLimit: 0,
  readOnlyRootFilesystem: false,
  tmpfs: {},
  ports: [],
  logMaxBytes: 0
}

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

  it('comes back, and not at once, while a step that was done has no effect', async () => {
    const network = 'bridge'
    await loop.engine.createNetwork({ name: network, labels: {}, subnet: '10.9.0.0/24' })
    // A stopped container can be attached to a network, and is no member of it.
    loop.gatewayId = await loop.engine.createContainer({ ...A_SPEC, name: 'stopped', network })
    await loop.put()
    const waits: (number | undefined)[] = []
    for (let i = 0; i < 6; i++) {
      waits.push((await loop.pass()).requeueAfter)
      loop.clock.advance(waits.at(-1) ?? 1000)
    }
    expect(waits.slice(2)).to.deep.equal([1000, 1000, 1000, 1000])
  })
})
