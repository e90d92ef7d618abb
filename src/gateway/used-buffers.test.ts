import { expect } from 'chai'
import { UsedBuffers } from './used-buffers.ts'

const MIB = 1024 * 1024

describe('UsedBuffers', () => {
  it('X2: has them freed each time that 4 MiB have passed, in pieces of any size', () => {
    let collected = 0
    const used = new UsedBuffers(() => collected++)
    for (let n = 0; n < 1000; n++) used.passed(65_536 / 4)
    expect(collected).to.equal(3)
    used.passed(9 * MIB)
    expect(collected).to.equal(4)
    used.passed(0)
    expect(collected).to.equal(4)
  })

  it('X2: frees what nobody holds, by itself', () => {
    const used = new UsedBuffers()
    const held: WeakRef<Buffer>[] = []
    for (let n = 0; n < 64; n++) held.push(new WeakRef(Buffer.alloc(65_536)))
    expect(() => used.passed(4 * MIB)).not.to.throw()
    expect(held).to.have.length(64)
  })
})
