import { expect } from 'chai'
import { LABEL } from '../../api/labels.ts'
import type { Container, EngineInfo } from '../../src/engine/engine.ts'
import { aFunction, aReplica, POLICY } from '../../test/helpers/builders.ts'
import { hasLimits, limitsLabel, limitsOf } from './limits.ts'

const ENGINE = { cpus: 2, memoryBytes: 1001 * 2 ** 20, canLimitCpu: true } as EngineInfo
const LARGER = { ...ENGINE, cpus: 8, memoryBytes: 2 ** 33 }

const madeOn = (engine: EngineInfo): Partial<Container> => {
  const limits = limitsOf(aFunction(), POLICY, engine)
  return { memoryBytes: limits.memoryBytes, nanoCpus: limits.nanoCpus, labels: limitsLabel(limits) }
}
const fits = (container: Partial<Container>, engine = ENGINE, policy: Partial<typeof POLICY> = {}) =>
  hasLimits(limitsOf(aFunction(), { ...POLICY, ...policy }, engine), aReplica({ container }).container)

describe('the limits of a function that names none', () => {
  it('S6: are nine tenths of what the engine has', () => {
    const { memoryBytes, nanoCpus } = limitsOf(aFunction(), POLICY, ENGINE)
    expect([memoryBytes / 2 ** 20, nanoCpus]).to.deep.equal([900, 1.8e9])
  })

  it('are those of the configuration where it names some, and those of the spec before them', () => {
    const policy = { ...POLICY, memoryDefaultBytes: 2 ** 27, nanoCpusDefault: 5e8 }
    expect(limitsOf(aFunction(), policy, ENGINE)).to.include({ memoryBytes: 2 ** 27, nanoCpus: 5e8 })
    const fn = aFunction({ limits: { memory: '64Mi', cpu: '2' } })
    expect(limitsOf(fn, policy, ENGINE)).to.include({ memoryBytes: 2 ** 26, nanoCpus: 2e9 })
    expect(limitsLabel(limitsOf(fn, policy, ENGINE))).to.deep.equal({})
  })

  it('are no more CPU than the engine has, and no less than the kernel gives, as neither would start', () => {
    const cpuOf = (cpu: string, engine = ENGINE) => limitsOf(aFunction({ limits: { cpu } }), POLICY, engine).nanoCpus
    expect([cpuOf('8'), cpuOf('2'), cpuOf('1m')]).to.deep.equal([2e9, 2e9, 1e7])
    expect(cpuOf('8', LARGER)).to.equal(8e9)
    expect(limitsOf(aFunction(), { ...POLICY, nanoCpusDefault: 4e9 }, ENGINE).nanoCpus).to.equal(2e9)
  })

  it('leave CPU alone where the kernel cannot limit it, as the engine would refuse the container', () => {
    expect(limitsOf(aFunction(), POLICY, { ...ENGINE, canLimitCpu: false }).nanoCpus).to.equal(0)
  })

  it('stay as they were made, whatever becomes of the engine', () => {
    expect(fits(madeOn(ENGINE))).to.equal(true)
    expect(fits(madeOn(ENGINE), LARGER)).to.equal(true)
  })

  it('are not asked of a replica that an earlier release made without', () => {
    expect(fits({ memoryBytes: 0, nanoCpus: 0, labels: {} })).to.equal(true)
  })

  it('K10: are noticed when somebody changes them', () => {
    expect(fits({ ...madeOn(ENGINE), memoryBytes: 2 ** 28 })).to.equal(false)
    expect(fits({ ...madeOn(ENGINE), nanoCpus: 1e9 })).to.equal(false)
    expect(fits({ memoryBytes: 2 ** 28, nanoCpus: 0, labels: {} })).to.equal(false)
  })

  it('are outdated when the operator sets a default', () => {
    expect(fits(madeOn(ENGINE), ENGINE, { memoryDefaultBytes: 2 ** 27 })).to.equal(false)
    const labels = { [LABEL.limits]: `${2 ** 27} 1800000000` }
    expect(fits({ memoryBytes: 2 ** 27, nanoCpus: 1.8e9, labels }, ENGINE, { memoryDefaultBytes: 2 ** 27 })).to.equal(
      true
    )
  })
})
