import { expect } from 'chai'
import type { FunctionObject } from '../../api/function.ts'
import { ownerLabels } from '../../api/labels.ts'
import { createSigner } from '../../api/signature.ts'
import { silentLogger } from '../../src/logging/logger.ts'
import { aFunction, BARE_SPEC, NOW, SIGNER } from '../../test/helpers/builders.ts'
import { FakeEngine } from '../../test/helpers/fake-engine.ts'
import { GarbageReconciler, GC_KEY } from './reconciler.ts'

const GRACE_MS = 1000

describe('GarbageReconciler', () => {
  let now: number
  let engine: FakeEngine
  let forged: number
  let leaked: number
  let deserted: Set<string>
  let gatewayId: string | undefined
  let listFunctions: () => Promise<FunctionObject[]>
  let garbage: GarbageReconciler

  beforeEach(() => {
    now = NOW
    gatewayId = undefined
    deserted = new Set()
    listFunctions = async () => [aFunction()]
    engine = new FakeEngine({ now: () => now })
    engine.addImage('hello:1')
    garbage = new GarbageReconciler({
      engine,
      functions: { list: () => listFunctions() },
      events: { record: async () => undefined },
      signer: SIGNER,
      instance: 'test',
      gatewayId: () => gatewayId,
      deserted,
      bornAt: NOW - 60_000,
      graceMs: GRACE_MS,
      intervalMs: 60_000,
      maxShare: 0.25,
      isReady: () => true,
      onCollected: () => undefined,
      onOrphans: () => undefined,
      onForged: count => {
        forged = count
      },
      onLeaked: count => {
        leaked = count
      },
      now: () => now,
      log: silentLogger
    })
  })

  const networks = async () => (await engine.listNetworks()).map(({ name }) => name)

  async function anOrphanedNetwork(name: string, third: number, signer = SIGNER): Promise<void> {
    const labels = ownerLabels({ instance: 'test', namespace: 'x', name, uid: `uid-${name}`, generation: 1 }, 'network')
    const subnet = `10.9.${third}.0/28`
    await engine.createNetwork({ name, labels: signer.sign(labels, { kind: 'network', subnet }), subnet })
  }

  /** A running container that is not ours, on the network. */
  async function aStranger(name: string, network: string): Promise<string> {
    const id = await engine.createContainer({ ...BARE_SPEC, name, labels: {}, network })
    await engine.startContainer(id)
    return id
  }

  /** Passes over some minutes, whatever becomes of them. */
  async function passes(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      await garbage.reconcile(GC_KEY, new AbortController().signal).catch(() => undefined)
      now += GRACE_MS
    }
  }

  it('takes the gateway off an orphaned network, which cannot go otherwise', async () => {
    await anOrphanedNetwork('gone', 1)
    gatewayId = await aStranger('gateway', 'gone')
    await passes(3)
    expect(await networks()).to.deep.equal([])
    expect((await engine.inspectContainer('gateway'))?.state).to.equal('running')
  })

  it('collects what comes after an orphan that cannot go, and forces no stranger off it', async () => {
    for (const [i, name] of ['a', 'b', 'c'].entries()) await anOrphanedNetwork(name, i)
    await aStranger('database', 'a')
    await passes(8)
    expect(await networks()).to.deep.equal(['a'])
    expect((await engine.inspectContainer('database'))?.networks).to.have.property('a')
  })

  it('fails when an orphan cannot go, so that the log and the metrics tell', async () => {
    await anOrphanedNetwork('a', 1)
    await aStranger('database', 'a')
    await garbage.reconcile(GC_KEY, new AbortController().signal)
    now += GRACE_MS
    const errors: unknown[] = []
    await garbage.reconcile(GC_KEY, new AbortController().signal).catch(err => errors.push(err))
    expect(String(errors[0])).to.contain('active endpoints')
  })

  it('N2: says of a network that the engine keeps that it is leaked, and collects it when the engine lets it go', async () => {
    await anOrphanedNetwork('a', 1)
    engine.fail('network_remove', 'busy', { times: 2 })
    const verdicts = async () =>
      (await garbage.preview(new AbortController().signal)).map(({ object, verdict }) => `${object.name} ${verdict}`)
    await passes(2)
    now -= GRACE_MS / 2
    expect(await verdicts()).to.deep.equal(['a leaked'])
    expect(leaked).to.equal(1)
    await passes(6)
    expect(await networks()).to.deep.equal([])
    await passes(1)
    expect(leaked).to.equal(0)
  })

  it('N2: collects what a deletion left, though the database is empty now', async () => {
    listFunctions = async () => []
    await anOrphanedNetwork('left', 1)
    await anOrphanedNetwork('found', 2)
    deserted.add((await engine.inspectNetwork('left'))?.id ?? '')
    await passes(4)
    expect(await networks()).to.deep.equal(['found'])
  })

  it('S26: collects a volume with secrets that a deletion left, though the database is empty now', async () => {
    listFunctions = async () => []
    const labels = ownerLabels({ instance: 'test', namespace: 'x', name: 'f', uid: 'u', generation: 1 }, 'secrets')
    for (const name of ['f-secrets-00000001', 'f-secrets-00000002'])
      engine.addVolume(name, SIGNER.sign(labels, { kind: 'volume' }))
    deserted.add('f-secrets-00000001')
    await passes(4)
    expect(engine.volumes().map(({ name }) => name)).to.deep.equal(['f-secrets-00000002'])
  })

  it('K11: neither collects nor counts as ours what carries our labels and another signature', async () => {
    await anOrphanedNetwork('forged', 1, createSigner(Buffer.alloc(32, 8)))
    await passes(3)
    expect(await networks()).to.deep.equal(['forged'])
    expect(forged).to.equal(1)
    const [orphan] = await garbage.preview(new AbortController().signal)
    expect(orphan?.verdict).to.equal('forged')
  })

  it('removes nothing when the functions cannot be listed', async () => {
    await anOrphanedNetwork('a', 1)
    listFunctions = async () => {
      throw new Error('the database is locked')
    }
    await passes(3)
    expect(await networks()).to.deep.equal(['a'])
  })
})
