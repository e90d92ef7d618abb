import { expect } from 'chai'
import { DiskPressure } from './disk-pressure.ts'

describe('DiskPressure', () => {
  it('D11: is on from a call that lacked room until ten minutes after the last of them, and tells each', () => {
    let now = 0
    let lacks = 0
    const pressure = new DiskPressure({ monotonic: () => now })
    pressure.onLack(() => lacks++)
    for (const fault of ['none', 'other', 'timeout'] as const) pressure.observe(fault)
    expect([pressure.isOn, lacks]).to.deep.equal([false, 0])
    pressure.observe('no-space')
    now = 5 * 60_000
    pressure.observe('no-space')
    now += 10 * 60_000 - 1
    expect([pressure.isOn, lacks]).to.deep.equal([true, 2])
    now += 1
    expect(pressure.isOn).to.equal(false)
  })
})
