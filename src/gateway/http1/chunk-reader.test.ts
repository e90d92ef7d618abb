import { expect } from 'chai'
import fc from 'fast-check'
import { BadAnswerError } from './answer-head.ts'
import { ChunkReader } from './chunk-reader.ts'

/** Reads the pieces in turn: the body, what is left over behind it, and the trailers. */
function readAll(pieces: readonly Buffer[]) {
  const reader = new ChunkReader()
  let [body, rest] = ['', '']
  for (const piece of pieces) {
    const at = reader.read(piece, 0, piece.length, (from, to) => {
      body += piece.toString('latin1', from, to)
    })
    rest += piece.toString('latin1', at)
  }
  return { body, rest, isOver: reader.isOver, trailers: reader.isOver ? reader.trailers() : undefined }
}

const read = (text: string) => readAll([Buffer.from(text, 'latin1')])

/** The text in pieces that end at these places. */
function cut(text: string, places: readonly number[]): Buffer[] {
  const bytes = Buffer.from(text, 'latin1')
  const ends = [...new Set(places.map(place => place % (bytes.length + 1)))].toSorted((a, b) => a - b)
  return [...ends, bytes.length].map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end))
}

describe('a body in chunks', () => {
  it('is put together, with its trailers, and what comes behind it is left', () => {
    const { body, rest, trailers } = read('5;a="b"\r\nhello\r\n06\r\n world\r\n0\r\nX-A: one\r\nX-B: two\r\n\r\nHTTP')
    expect([body, rest, trailers]).to.deep.equal(['hello world', 'HTTP', ['X-A', 'one', 'X-B', 'two']])
  })

  it('is the same wherever it is cut into pieces', () => {
    const chunk = fc.string({ minLength: 1, maxLength: 40, unit: 'binary-ascii' })
    const trailer = fc.constantFrom('', 'X-A: one\r\n', 'X-A: one\r\nX-B: \r\n')
    fc.assert(
      fc.property(fc.array(chunk), trailer, fc.array(fc.nat(200)), (chunks, trailers, places) => {
        const framed = chunks.map(text => `${text.length.toString(16)}\r\n${text}\r\n`).join('')
        const whole = `${framed}0\r\n${trailers}\r\nbehind`
        expect(readAll(cut(whole, places))).to.deep.equal(read(whole))
        expect(read(whole)).to.include({ body: chunks.join(''), rest: 'behind', isOver: true })
      })
    )
  })

  for (const text of [
    'zz\r\n',
    '\r\n',
    ' 5\r\nhello\r\n',
    '5 \r\nhello\r\n',
    '-5\r\nhello\r\n',
    '0x5\r\nhello\r\n',
    '5\nhello\r\n',
    '5\r\nhello\n',
    '5\r\nhelloo\r\n',
    '5;a\nb\r\nhello\r\n',
    '1000000000000000\r\n',
    `5;${'a'.repeat(20_000)}\r\n`,
    `0\r\nX-A: ${'a'.repeat(20_000)}\r\n`
  ]) {
    it(`X8: refuses ${JSON.stringify(text.slice(0, 24))}`, () => {
      expect(() => read(text)).to.throw(BadAnswerError)
    })
  }

  it('X8: refuses trailers that are none', () => {
    expect(() => read('0\r\nno colon\r\n\r\n')).to.throw(BadAnswerError)
  })

  it('is not over before its last byte', () => {
    const whole = '5\r\nhello\r\n0\r\n\r\n'
    for (let length = 0; length < whole.length; length++) expect(read(whole.slice(0, length)).isOver).to.equal(false)
    expect(read(whole).isOver).to.equal(true)
  })
})
