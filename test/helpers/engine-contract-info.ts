import { expect } from 'chai'
import type { EngineEvent } from '../../src/engine/engine.ts'
import { type ContractWorld, rejects, watchInto } from './engine-contract-world.ts'
import { eventually } from './eventually.ts'

/** What holds for an engine as a whole: what it says of itself, and its events. */
export function describeWhole(t: ContractWorld): void {
  const { aSpec, create, exited } = t

  describe('ping', () => {
    it('tells the clock of an engine that answers, and ends when it is aborted', async () => {
      expect(Math.abs(await t.engine.ping())).to.be.below(5000)
      await rejects('aborted', t.engine.ping(AbortSignal.abort()))
    })
  })

  describe('info', () => {
    it('says who and how large the engine is', async () => {
      const info = await t.engine.info()
      expect(info.id).to.not.equal('')
      expect(info.version).to.match(/^\d+\./)
      expect(info.apiVersion).to.match(/^\d+\.\d+$/)
      expect(info.cpus).to.be.greaterThan(0)
      expect(info.memoryBytes).to.be.greaterThan(0)
      expect((await t.engine.info()).id).to.equal(info.id)
    })

    it('says what guards containers, what can be limited, and which runtimes there are', async () => {
      const { guards, canLimitCpu, runtimes } = await t.engine.info()
      expect(guards).to.include('seccomp')
      expect(canLimitCpu).to.equal(true)
      expect(runtimes).to.include('runc')
    })
  })

  describe('aborting', () => {
    it('ends a call', async () => {
      const aborted = AbortSignal.abort()
      await rejects('aborted', t.engine.info(aborted))
      await rejects('aborted', t.engine.inspectContainer('x', aborted))
      await rejects('aborted', t.engine.inspectNetwork('x', aborted))
      await rejects('aborted', t.engine.inspectImage('x', aborted))
      await rejects('aborted', t.engine.createContainer(aSpec(), aborted))
      await rejects('aborted', t.engine.removeContainer('x', aborted))
    })
  })

  describe('watch', () => {
    it('says connected, then what happens to containers and networks', async () => {
      const watching = new AbortController()
      const seen = watchInto(t.engine.watch(watching.signal))
      await eventually(() => expect(seen.events[0]).to.deep.equal({ kind: 'connected' }))
      const { id, name } = await eventuallySees(seen.events)
      await t.engine.startContainer(name)
      await t.engine.renameContainer(name, `${name}-moved`)
      await t.engine.signalContainer(id, 'SIGKILL')
      await exited(id)
      await t.engine.removeContainer(id)
      const actions = () => seen.events.flatMap(e => (e.kind === 'container' && e.id === id ? e.action : []))
      await eventually(() =>
        expect(actions()).to.include.members(['create', 'start', 'rename', 'kill', 'die', 'destroy'])
      )
      const created = seen.events.find(e => e.kind === 'container' && e.id === id)
      expect(created?.kind === 'container' && created.labels).to.include(t.labels)
      const connected = seen.events.find(e => e.kind === 'network' && e.container === id && e.action === 'connect')
      expect(connected).to.include({ name: t.network })
      watching.abort()
      await seen.ended
    })

    it('ends by returning when it is aborted', async () => {
      const watching = new AbortController()
      const seen = watchInto(t.engine.watch(watching.signal))
      await eventually(() => expect(seen.events).to.have.length(1))
      watching.abort()
      await seen.ended
    })

    /** The real engine answers before it subscribes, so that what happens at once may be missed. */
    async function eventuallySees(events: readonly EngineEvent[]) {
      return eventually(async () => {
        const container = await create()
        await eventually(
          () => expect(events.some(e => e.kind === 'container' && e.id === container.id)).to.equal(true),
          { timeoutMs: 500 }
        )
        return container
      })
    }
  })
}
