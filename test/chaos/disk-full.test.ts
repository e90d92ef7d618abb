import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { useChaos } from '../helpers/chaos.ts'
import { eventually } from '../helpers/eventually.ts'
import { Registry } from '../helpers/registry.ts'

const MIB = 2 ** 20
/** Packed and unpacked, an image of this size needs almost twice as much while it is pulled. */
const IMAGE_BYTES = 12 * MIB
const SOON = { timeoutMs: 40_000 }

describe('an engine whose disk is full', function () {
  this.timeout(90_000)
  const chaos = useChaos({ GC_INTERVAL: '1s' }, { dataSize: '128m', dataInodes: 6000 })
  let registry: Registry

  before(async function () {
    this.timeout(300_000)
    const { engine, gateway, run } = chaos()
    registry = await Registry.start({ engine })
    await gateway.apply('serving', { image: run.image })
    await gateway.converged('serving')
  })
  after(() => registry?.[Symbol.asyncDispose]())
  afterEach(() => empty())

  const filler = () => join(chaos().engine.directory, 'data', 'filler')
  /** Leaves so many bytes on the engine's disk. */
  function fill(leftBytes: number): void {
    const { bavail, bsize } = statfsSync(join(chaos().engine.directory, 'data'))
    writeFileSync(filler(), Buffer.alloc(Math.max(0, bavail * bsize - leftBytes)))
  }
  /** Leaves room for no more files. */
  function fillInodes(): void {
    const { ffree } = statfsSync(join(chaos().engine.directory, 'data'))
    mkdirSync(filler())
    for (let i = 1; i < ffree; i++) writeFileSync(join(filler(), String(i)), '')
  }
  const empty = () => rmSync(filler(), { recursive: true, force: true })

  const anImage = (name: string) => registry.push(name, randomBytes(IMAGE_BYTES / 2).toString('hex'))
  const images = async () => (await chaos().engine.docker.listImages()).flatMap(({ RepoTags: tags }) => tags ?? [])
  const serves = async () => expect((await chaos().gateway.call('GET', '/function/serving')).status).to.equal(200)
  const pulls = () => chaos().proxy.calls.filter(call => call === 'POST /images/create').length

  it('D11: says DiskPressure of a pull, tries again without haste, serves on, and pulls when there is room', async () => {
    const { gateway } = chaos()
    await anImage('team/fresh:1')
    const before = await gateway.containers()
    fill(MIB)
    await gateway.apply('fresh', { image: registry.reference('team/fresh:1') })
    const condition = await gateway.reason('fresh', 'Degraded', 'DiskPressure')
    expect(condition.message).to.contain('no space left on device')
    expect((await gateway.get('fresh')).status.conditions.find(({ type }) => type === 'Ready')).to.include({
      status: 'False',
      reason: 'DiskPressure'
    })
    await serves()
    await eventually(async () => expect(await gateway.metrics()).to.match(/faas_disk_pressure 1/))
    expect(await gateway.containers()).to.deep.equal(before)
    expect(pulls()).to.be.at.most(2)
    empty()
    await eventually(async () => expect(await images()).to.include(registry.reference('team/fresh:1')), SOON)
  })

  it('D11: makes room by removing an image of its own that nothing uses, long before its grace is over', async () => {
    const { gateway } = chaos()
    await anImage('team/next:1')
    await gateway.call('DELETE', '/v1/functions/fresh')
    await eventually(async () => expect((await gateway.call('GET', '/v1/functions/fresh')).status).to.equal(404), SOON)
    fill(1.4 * IMAGE_BYTES)
    await gateway.apply('next', { image: registry.reference('team/next:1') })
    await eventually(async () => expect(await images()).to.include(registry.reference('team/next:1')), SOON)
    expect(await images()).to.not.include(registry.reference('team/fresh:1'))
    expect(await images()).to.include(chaos().run.image)
    await eventually(async () => expect(await gateway.metrics()).to.match(/faas_gc_collected_total\{kind="image"\} 1/))
    await serves()
  })

  for (const [what, lack] of [
    ['room', () => fill(0)],
    ['room for more files', fillInodes]
  ] as const) {
    it(`D11: says DiskPressure of a replica for which there is no ${what}, serves on, and goes on when there is`, async () => {
      const { gateway } = chaos()
      await gateway.scale('serving', 1)
      await gateway.converged('serving')
      lack()
      await gateway.scale('serving', 2)
      await gateway.reason('serving', 'Degraded', 'DiskPressure')
      await serves()
      expect((await gateway.get('serving')).status.readyReplicas).to.equal(1)
      empty()
      await gateway.converged('serving')
    })
  }
})
