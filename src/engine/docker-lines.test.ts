import { expect } from 'chai'
import fc from 'fast-check'
import { frame, inChunks } from '../../test/helpers/docker-frames.ts'
import { logParameters, readLines } from './docker-logs.ts'

const TIME = '2026-01-01T00:00:00.000000001Z'
const LATER = '2026-01-01T00:00:00.000000002Z'

const read = (frames: readonly Buffer[], size = 1000) =>
  Array.fromAsync(readLines(inChunks(Buffer.concat(frames), size)))
const texts = async (frames: readonly Buffer[]) => (await read(frames)).map(({ text }) => text)

describe('readLines', () => {
  it('gives each line with its time and stream, however the frames are cut into chunks', () => {
    const word = fc.string({ unit: fc.constantFrom('a', '€', '\u{1f600}', ' ', '\t', '\r ') })
    const entry = fc.tuple(word, fc.constantFrom('stdout' as const, 'stderr' as const))
    return fc.assert(
      fc.asyncProperty(fc.array(entry), fc.integer({ min: 1, max: 50 }), async (entries, size) => {
        const lines = entries.map(([text, stream]) => ({ timestamp: TIME, stream, text }))
        const frames = lines.map(({ text, stream }) => frame(`${TIME} ${text}\n`, stream === 'stdout' ? 1 : 2))
        expect(await read(frames, size)).to.deep.equal(lines)
      })
    )
  })

  it('puts the parts of a long line together, though the other stream writes between them', async () => {
    const parts = [frame(`${TIME} aaa`), frame(`${TIME} err\n`, 2), frame(`${TIME} bbb`), frame(`${TIME} ccc\n`)]
    expect(await texts([...parts, frame(`${LATER} next\n`)])).to.deep.equal(['err', 'aaabbbccc', 'next'])
  })

  it('keeps what looks like a time in the words of the function', async () => {
    expect(await texts([frame(`${TIME} ${LATER} mine\n`)])).to.deep.equal([`${LATER} mine`])
  })

  it('cuts what never ends, at a character, and holds no more than that', async () => {
    const part = '€'.repeat(5000)
    const lines = await texts(Array.from({ length: 20 }, () => frame(`${TIME} ${part}`)))
    expect(lines.join('')).to.equal(part.repeat(20))
    expect(lines).to.have.length(5)
    for (const line of lines) expect(Buffer.byteLength(line)).to.be.at.most(64 * 1024)
    const huge = await texts([frame(`${TIME} ${'x'.repeat(200_000)}\n`), frame(`${LATER} next\n`)])
    expect(huge.map(({ length }) => length)).to.deep.equal([65_536, 65_536, 65_536, 3392, 4])
  })

  it('gives the last line without its end, and what is left of a frame that was cut off', async () => {
    expect(await texts([frame(`${TIME} one\n`), frame(`${TIME} two`)])).to.deep.equal(['one', 'two'])
    expect(await texts([frame(`${TIME} one\n`), frame(`${TIME} two\n`).subarray(0, -2)])).to.deep.equal(['one', 'tw'])
  })

  it('reads the plain text of a terminal', async () => {
    expect(await read([Buffer.from(`${TIME} one\r\n${LATER} two\r\n`)], 7)).to.deep.equal([
      { timestamp: TIME, stream: 'stdout', text: 'one' },
      { timestamp: LATER, stream: 'stdout', text: 'two' }
    ])
  })

  for (const [said, stream] of [
    ['Error grabbing logs: unexpected EOF\n', 2],
    ['error from daemon in stream: Error grabbing logs: EOF', 3]
  ] as const) {
    it(`throws what the engine says: ${said.trim()}`, async () => {
      const outcome = await read([frame(`${TIME} one\n`), frame(said, stream)]).catch(String)
      expect(outcome).to.equal(`Error: ${said.trim()}`)
    })
  }

  it('does not take the words of a function for those of the engine', async () => {
    const lines = await texts([frame(`${TIME} Error grabbing logs: not really\n`, 2)])
    expect(lines).to.deep.equal(['Error grabbing logs: not really'])
  })
})

describe('logParameters', () => {
  it('asks in seconds with all nine digits', () => {
    expect(logParameters({ since: TIME })['since']).to.equal('1767225600.000000001')
    expect(logParameters({ since: '2026-01-01T00:00:00Z', tail: 3, follow: true })).to.deep.include({
      ...{ since: '1767225600.000000000', tail: 3, follow: true, timestamps: true }
    })
  })
})
