import { expect } from 'chai'
import fc from 'fast-check'
import { frame, inChunks } from '../../test/helpers/docker-frames.ts'
import { readTail } from './docker-logs.ts'

describe('readTail', () => {
  it('puts stdout and stderr together, however the frames are cut into chunks', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.string(), fc.constantFrom(1, 2))),
        fc.integer({ min: 1, max: 40 }),
        async (lines, size) => {
          const bytes = Buffer.concat(lines.map(([text, stream]) => frame(text, stream)))
          expect(await readTail(inChunks(bytes, size), 1_000_000)).to.equal(lines.map(([text]) => text).join(''))
        }
      )
    ))

  for (const text of ['', 'short', 'a terminal writes plain text\n']) {
    it(`takes plain text: ${JSON.stringify(text)}`, async () => {
      expect(await readTail(inChunks(Buffer.from(text), 3), 100)).to.equal(text)
    })
  }

  it('keeps the end, from the start of a line on, within the limit', async () => {
    const lines = Array.from({ length: 1000 }, (_, n) => `line ${n}\n`)
    const tail = await readTail(inChunks(Buffer.concat(lines.map(line => frame(line))), 100), 200)
    expect(Buffer.byteLength(tail)).to.be.within(180, 200)
    expect(lines.join('').endsWith(tail)).to.equal(true)
    expect(tail.startsWith('line ')).to.equal(true)
  })

  it('keeps the end of one line that is longer than the limit', async () => {
    expect(await readTail(inChunks(frame('x'.repeat(500)), 64), 100)).to.equal('x'.repeat(100))
  })
})
