import { expect } from 'chai'
import { BadAnswerError, mayBeginAnswer, parseAnswerHead } from './answer-head.ts'

const parse = (lines: string, isOfHead = false) => parseAnswerHead(lines.replaceAll('\n', '\r\n'), isOfHead)

describe('the head of an answer', () => {
  it('keeps names, values and their order, without the blanks around a value', () => {
    const { raw } = parse('HTTP/1.1 200 OK\nX-A:  one \t\nx-a:two: three\nX-Empty:\nX-High: \xe9\n')
    expect(raw).to.deep.equal(['X-A', 'one', 'x-a', 'two: three', 'X-Empty', '', 'X-High', '\xe9'])
  })

  for (const [lines, length, keepAlive] of [
    ['HTTP/1.1 200 OK\nContent-Length: 5\n', 5, true],
    ['HTTP/1.1 200 OK\ntransfer-encoding: Chunked\n', 'chunks', true],
    ['HTTP/1.1 200 OK\n', 'rest', false],
    ['HTTP/1.1 200 OK\nContent-Length: 5\nConnection: foo, Close\n', 5, false],
    ['HTTP/1.1 200 OK\nContent-Length: 5\nConnection: foo\nConnection: close\n', 5, false],
    ['HTTP/1.0 200 OK\nContent-Length: 5\n', 5, false],
    ['HTTP/1.0 200 OK\nContent-Length: 5\nConnection: keep-alive\n', 5, true],
    ['HTTP/1.1 204 No Content\n', 0, true],
    ['HTTP/1.1 204 No Content\nContent-Length: 5\n', 0, false],
    ['HTTP/1.1 304 Not Modified\nTransfer-Encoding: chunked\n', 0, false],
    ['HTTP/1.1 103 Early Hints\nLink: </a>\n', 0, true]
  ] as const) {
    it(`says ${length} and ${keepAlive ? 'kept' : 'not kept'} of ${JSON.stringify(lines)}`, () => {
      const head = parse(lines)
      expect([head.length, head.keepAlive]).to.deep.equal([length, keepAlive])
    })
  }

  it('X8: says of an answer to HEAD that nothing comes behind it, and does not rely on that', () => {
    for (const length of ['', 'Content-Length: 0\n', 'Content-Length: 5\n', 'Transfer-Encoding: chunked\n']) {
      expect(parse(`HTTP/1.1 200 OK\n${length}`, true)).to.include({ length: 0, keepAlive: false })
    }
  })

  it('reads how long the function keeps the connection', () => {
    expect(parse('HTTP/1.1 200 OK\nKeep-Alive: timeout=5, max=100\n').keepAliveMs).to.equal(5000)
    expect(parse('HTTP/1.1 200 OK\n').keepAliveMs).to.equal(undefined)
  })

  it('passes the reason on, and does without one', () => {
    expect(parse('HTTP/1.1 418 I am a teapot\n').statusText).to.equal('I am a teapot')
    expect(parse('HTTP/1.1 418\n')).to.include({ status: 418, statusText: '' })
  })

  for (const lines of [
    'HTTP/1.1 20 OK\n',
    'HTTP/1.1 2000 OK\n',
    'HTTP/1.1  200 OK\n',
    'HTTP/2.0 200 OK\n',
    'http/1.1 200 OK\n',
    'ICY 200 OK\n',
    'HTTP/1.1 200 O\0K\n',
    'HTTP/1.1 200 OK\nX-A : space before the colon\n',
    'HTTP/1.1 200 OK\nContent-Length : 5\n',
    'HTTP/1.1 200 OK\nX-A: one\n folded\n',
    'HTTP/1.1 200 OK\n X-A: one\n',
    'HTTP/1.1 200 OK\nno colon\n',
    'HTTP/1.1 200 OK\n: no name\n',
    'HTTP/1.1 200 OK\nX\x01A: a\n',
    'HTTP/1.1 200 OK\nX-A: a\0b\n',
    'HTTP/1.1 200 OK\nX-A: a\rContent-Length: 5\n',
    'HTTP/1.1 200 OK\nContent-Length: 5\nContent-Length: 5\n',
    'HTTP/1.1 200 OK\nContent-Length: 5, 5\n',
    'HTTP/1.1 200 OK\nContent-Length: +5\n',
    'HTTP/1.1 200 OK\nContent-Length: 0x5\n',
    'HTTP/1.1 200 OK\nContent-Length:\n',
    'HTTP/1.1 200 OK\nContent-Length: 99999999999999999999\n',
    'HTTP/1.1 200 OK\nContent-Length: 5\nTransfer-Encoding: chunked\n',
    'HTTP/1.1 200 OK\nTransfer-Encoding: gzip, chunked\n',
    'HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nTransfer-Encoding: chunked\n',
    'HTTP/1.1 200 OK\nTransfer-Encoding: identity\n',
    'HTTP/1.1 200 OK\nTransfer-Encoding:\n'
  ]) {
    it(`X8: refuses ${JSON.stringify(lines)}`, () => {
      expect(() => parse(lines)).to.throw(BadAnswerError)
    })
  }

  it('X8: refuses a bare line feed as the end of a line', () => {
    expect(() => parseAnswerHead('HTTP/1.1 200 OK\r\nX-A: a\nContent-Length: 5\r\n', false)).to.throw(BadAnswerError)
    expect(() => parseAnswerHead('HTTP/1.1 200 OK\nX-A: a\r\n', false)).to.throw(BadAnswerError)
  })

  it('waits for the rest only of what may become an answer', () => {
    expect(['', 'HT', 'HTTP/1.', 'HTTP/1.1 200'].map(mayBeginAnswer)).to.deep.equal([true, true, true, true])
    expect(['X', 'HTTP/2', '\r\nHTTP/1.1'].map(mayBeginAnswer)).to.deep.equal([false, false, false])
  })
})
