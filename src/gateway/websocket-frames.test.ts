import { expect } from 'chai'
import fc from 'fast-check'
import { closeAtEnd, frame, OPCODE } from '../../test/helpers/websocket.ts'
import { closeFrame, closings, FrameBounds } from './websocket-frames.ts'

const frames = fc.array(
  fc.record({
    opcode: fc.constantFrom(0, OPCODE.text, OPCODE.binary, OPCODE.ping, OPCODE.pong),
    bytes: fc.oneof(fc.nat(200), fc.constantFrom(0, 125, 126, 65_535, 65_536, 70_000)),
    masked: fc.boolean()
  }),
  { maxLength: 6 }
)

/** Where there is a bound between two pieces of at most so many bytes. */
function boundsIn(all: Buffer, size: number, toBound: boolean): number[] {
  const bounds = new FrameBounds()
  const found: number[] = []
  for (let at = 0; at < all.length; ) {
    at += bounds.read(all.subarray(at, at + size), toBound)
    if (bounds.isBetween) found.push(at)
  }
  return found
}

describe('FrameBounds', () => {
  it('X5: finds the end of each frame, however the bytes are cut', () => {
    fc.assert(
      fc.property(frames, fc.integer({ min: 1, max: 5000 }), (list, size) => {
        const whole = list.map(({ opcode, bytes, masked }) => frame(opcode, Buffer.alloc(bytes, 0x88), masked))
        const all = Buffer.concat(whole)
        const ends = new Set<number>([0])
        for (const one of whole) ends.add(Math.max(...ends) + one.length)
        ends.delete(0)
        expect(boundsIn(all, size, true), 'reading up to each').to.deep.equal([...ends])
        const seen = boundsIn(all, size, false)
        expect(seen, 'reading on').to.deep.equal([...ends].filter(end => end % size === 0 || end === all.length))
      }),
      { numRuns: 200 }
    )
  })

  it('X5: knows a Close frame of either side', () => {
    for (const masked of [false, true]) {
      const bounds = new FrameBounds()
      bounds.read(frame(OPCODE.text, 'x', masked))
      expect(bounds.isClosed).to.equal(false)
      bounds.read(closeFrame(closings.restart, masked))
      expect([bounds.isClosed, bounds.isBetween]).to.deep.equal([true, true])
    }
  })
})

describe('closeFrame', () => {
  for (const [name, closing] of Object.entries(closings)) {
    it(`X5: says ${closing.code} for ${name}, in a frame that any side may send at any time`, () => {
      expect(closeAtEnd(closeFrame(closing, false))).to.deep.equal(closing)
      const masked = closeFrame(closing, true)
      const mask = masked.subarray(2, 6)
      const payload = Buffer.from(masked.subarray(6).map((byte, i) => byte ^ (mask[i % 4] ?? 0)))
      expect([payload.readUInt16BE(0), payload.toString('utf8', 2)]).to.deep.equal([closing.code, closing.reason])
      expect(Buffer.byteLength(closing.reason)).to.be.lessThan(124)
    })
  }
})
