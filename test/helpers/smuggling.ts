/** A request that two parsers may read in two ways. */
export interface Attack {
  readonly what: string
  /** The bytes, given the request line without its version, and the lines that every request has, each with its end. */
  readonly bytes: (line: string, usual: string) => string
  /** What may become of it. `refused`: an error and nothing to the function. `one`: as that, or one request. */
  readonly outcome: 'refused' | 'one'
  /** The body that the function must get, when it gets one request. */
  readonly body?: string
}

/** What an attacker wants to be read as a request of its own. */
export const SMUGGLED = 'GET /function/other/smuggled HTTP/1.1\r\nHost: x\r\n\r\n'
const S = SMUGGLED
const SIZE = S.length.toString(16)

const framed = (what: string, outcome: Attack['outcome'], headers: string, body: string, want?: string): Attack => ({
  what,
  outcome,
  bytes: (line, usual) => `${line} HTTP/1.1\r\n${usual}${headers}\r\n\r\n${body}`,
  ...(want === undefined ? {} : { body: want })
})
const refused = (what: string, headers: string, body: string) => framed(what, 'refused', headers, body)

const T = 'Transfer-Encoding: chunked'

const LENGTHS: readonly Attack[] = [
  refused('a length and chunks', 'Content-Length: 6\r\nTransfer-Encoding: chunked', `0\r\n\r\n${S}`),
  refused('chunks and a length', `Transfer-Encoding: chunked\r\nContent-Length: ${S.length}`, S),
  refused('a length of nothing and chunks', 'Content-Length: 0\r\nTransfer-Encoding: chunked', `0\r\n\r\n${S}`),
  refused('two lengths', `Content-Length: 0\r\nContent-Length: ${S.length}`, S),
  refused('two lengths the other way round', `Content-Length: ${S.length}\r\nContent-Length: 0`, S),
  refused('two equal lengths', 'Content-Length: 2\r\nContent-Length: 2', `xx${S}`),
  refused('two lengths in one', 'Content-Length: 2, 2', `xx${S}`),
  refused('two different lengths in one', `Content-Length: 0, ${S.length}`, S),
  refused('a length with a sign', 'Content-Length: +2', `xx${S}`),
  refused('a negative length', 'Content-Length: -1', S),
  refused('a length of minus nothing', 'Content-Length: -0', S),
  refused('a length with a space in it', 'Content-Length: 0 2', `xx${S}`),
  refused('a length in hexadecimal', 'Content-Length: 0x2', `xx${S}`),
  refused('a length with an exponent', 'Content-Length: 1e1', S),
  refused('a length with a point', 'Content-Length: 2.0', `xx${S}`),
  refused('an empty length', 'Content-Length: ', S),
  refused('a length in quotes', 'Content-Length: "2"', `xx${S}`),
  refused('a length beyond 64 bits', 'Content-Length: 18446744073709551616', S),
  refused('a length with NUL', 'Content-Length: 2\0', `xx${S}`),
  refused('a length with a form feed', 'Content-Length:\x0c2', `xx${S}`),
  refused('a length with an Arabic digit', 'Content-Length: \xd9\xa2', `xx${S}`)
]

const CODINGS: readonly Attack[] = [
  refused('a coding that is none', 'Transfer-Encoding: xchunked', `0\r\n\r\n${S}`),
  refused('a coding with a letter more', 'Transfer-Encoding: chunkedx', `0\r\n\r\n${S}`),
  refused('identity', 'Transfer-Encoding: identity', S),
  refused('identity and a length', 'Transfer-Encoding: identity\r\nContent-Length: 0', S),
  refused('gzip alone', 'Transfer-Encoding: gzip', S),
  refused('gzip under chunks', 'Transfer-Encoding: gzip, chunked', `0\r\n\r\n${S}`),
  refused('chunks under gzip', 'Transfer-Encoding: chunked, gzip', `0\r\n\r\n${S}`),
  refused('chunked twice in one', 'Transfer-Encoding: chunked, chunked', `0\r\n\r\n${S}`),
  refused('chunked twice', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', `0\r\n\r\n${S}`),
  refused('chunked and identity', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity', `0\r\n\r\n${S}`),
  refused('identity and chunked', 'Transfer-Encoding: identity\r\nTransfer-Encoding: chunked', `0\r\n\r\n${S}`),
  refused('chunked in quotes', 'Transfer-Encoding: "chunked"', `0\r\n\r\n${S}`),
  refused('chunked with a parameter', 'Transfer-Encoding: chunked;q=0', `0\r\n\r\n${S}`),
  refused('an empty coding', 'Transfer-Encoding: ', S),
  refused('a comma before chunked', 'Transfer-Encoding: ,chunked', `0\r\n\r\n${S}`),
  refused('a vertical tab before chunked', 'Transfer-Encoding:\x0bchunked', `0\r\n\r\n${S}`),
  refused('NUL after chunked', 'Transfer-Encoding: chunked\0', `0\r\n\r\n${S}`),
  refused('a space before the colon', 'Transfer-Encoding : chunked', `0\r\n\r\n${S}`),
  refused('a tab before the colon', 'Transfer-Encoding\t: chunked', `0\r\n\r\n${S}`),
  refused('a coding on a folded line', 'X-A: b\r\n Transfer-Encoding: chunked', `0\r\n\r\n${S}`),
  refused('a folded coding', 'Transfer-Encoding:\r\n chunked', `0\r\n\r\n${S}`),
  refused('a coding folded by a tab', 'Transfer-Encoding:\r\n\tchunked', `0\r\n\r\n${S}`),
  refused('a coding behind a bare line feed', 'X-A: b\nTransfer-Encoding: chunked', `0\r\n\r\n${S}`),
  refused('a coding behind a bare carriage return', 'X-A: b\rTransfer-Encoding: chunked', `0\r\n\r\n${S}`),
  refused('a coding with a high byte', 'Transfer-Encoding: chunked\xff', `0\r\n\r\n${S}`),
  framed('chunked and a tab', 'one', 'Transfer-Encoding: chunked\t', `2\r\nxx\r\n0\r\n\r\n`, 'xx'),
  framed('chunked behind a tab', 'one', 'Transfer-Encoding:\tchunked', `2\r\nxx\r\n0\r\n\r\n`, 'xx'),
  framed('CHUNKED', 'one', 'TRANSFER-ENCODING: CHUNKED', `2\r\nxx\r\n0\r\n\r\n`, 'xx')
]

const CHUNKS: readonly Attack[] = [
  refused('a chunk size with a sign', T, `+2\r\nxx\r\n0\r\n\r\n${S}`),
  refused('a negative chunk size', T, `-1\r\nxx\r\n0\r\n\r\n${S}`),
  refused('a chunk size with 0x', T, `0x2\r\nxx\r\n0\r\n\r\n${S}`),
  refused('a chunk size with a space before it', T, ` 2\r\nxx\r\n0\r\n\r\n${S}`),
  refused('a chunk size with an underscore', T, `0_2\r\nxx\r\n0\r\n\r\n${S}`),
  refused('no chunk size', T, `\r\nxx\r\n0\r\n\r\n${S}`),
  refused('a chunk size beyond 64 bits', T, `10000000000000002\r\nxx\r\n0\r\n\r\n${S}`),
  refused('a chunk size that ends with a line feed', T, `2\nxx\r\n0\r\n\r\n${S}`),
  refused('a chunk size that ends with a carriage return', T, `2\rxx\r\n0\r\n\r\n${S}`),
  refused('an extension that ends with a line feed', T, `2;a\nxx\r\n0\r\n\r\n${S}`),
  refused('an extension with a carriage return', T, `2;a\rb\r\nxx\r\n0\r\n\r\n${S}`),
  refused('an extension with NUL', T, `2;a=\0\r\nxx\r\n0\r\n\r\n${S}`),
  refused('a chunk that is longer than its size', T, `2\r\nxxx\r\n0\r\n\r\n${S}`),
  refused('a chunk that ends with a line feed', T, `2\r\nxx\n0\r\n\r\n${S}`),
  refused('a chunk that ends with a carriage return', T, `2\r\nxx\r0\r\n\r\n${S}`),
  refused('a chunk that ends with other bytes', T, `2\r\nxxAB0\r\n\r\n${S}`),
  refused('chunks that end with line feeds', T, `2\nxx\n0\n\n${S}`),
  refused('a last chunk that ends with a line feed', T, `2\r\nxx\r\n0\n\r\n${S}`),
  refused('trailers that end with a line feed', T, `2\r\nxx\r\n0\r\n\n${S}`),
  refused('a folded trailer', T, `2\r\nxx\r\n0\r\nX-A: b\r\n c\r\n\r\n${S}`),
  refused('a trailer without a colon', T, `2\r\nxx\r\n0\r\nX-A\r\n\r\n${S}`),
  framed('an extension', 'one', T, `2;a=b;c="d"\r\nxx\r\n0\r\n\r\n`, 'xx'),
  framed('leading zeros', 'one', T, `0000000002\r\nxx\r\n000\r\n\r\n`, 'xx'),
  framed('a trailer with a length', 'one', T, `2\r\nxx\r\n0\r\nContent-Length: ${S.length}\r\n\r\n`, 'xx'),
  framed('a request inside a chunk', 'one', T, `${SIZE}\r\n${S}\r\n0\r\n\r\n`, S),
  framed('a request as a body', 'one', `Content-Length: ${S.length}`, S, S)
]

const LINES: readonly Attack[] = [
  refused('a header without a colon', 'X-A', ''),
  refused('a header without a name', ': a', ''),
  refused('a header name with a space', 'X A: b', ''),
  refused('a header name with NUL', 'X-A\0: b', ''),
  refused('a header name with a high byte', 'X-\xe9: b', ''),
  refused('a header name with a bracket', 'X(A): b', ''),
  refused('a header value with NUL', 'X-A: b\0c', ''),
  refused('a header value with a carriage return', 'X-A: b\rc', ''),
  refused('a header value with a bell', 'X-A: b\x07c', ''),
  refused('a header value with DEL', 'X-A: b\x7fc', ''),
  refused('a second Host', 'Host: y', ''),
  refused('the same Host twice', 'Host: x', ''),
  refused('more header lines than are looked at', 'A: b\r\n'.repeat(3000) + T, '0\r\n\r\n'),
  {
    what: 'a folded first header',
    outcome: 'refused',
    bytes: (line, usual) => `${line} HTTP/1.1\r\n X-A: b\r\n${usual}\r\n`
  },
  { what: 'no Host', outcome: 'refused', bytes: line => `${line} HTTP/1.1\r\nConnection: close\r\n\r\n${S}` },
  {
    what: 'lines that end with line feeds',
    outcome: 'refused',
    bytes: (line, usual) => `${line} HTTP/1.1\n${usual.replaceAll('\r\n', '\n')}\n`
  },
  {
    what: 'a request line that ends with a line feed',
    outcome: 'refused',
    bytes: (line, usual) => `${line} HTTP/1.1\n${usual}\r\n`
  },
  {
    what: 'a head that ends with a line feed',
    outcome: 'refused',
    bytes: (line, usual) => `${line} HTTP/1.1\r\n${usual}\n${S}`
  },
  { what: 'HTTP/0.9', outcome: 'refused', bytes: line => `${line}\r\n\r\n` },
  { what: 'HTTP/2.0', outcome: 'refused', bytes: (line, usual) => `${line} HTTP/2.0\r\n${usual}\r\n` },
  { what: 'HTTP/1.2', outcome: 'refused', bytes: (line, usual) => `${line} HTTP/1.2\r\n${usual}\r\n` },
  { what: 'HTTP/1.10', outcome: 'refused', bytes: (line, usual) => `${line} HTTP/1.10\r\n${usual}\r\n` },
  { what: 'http/1.1', outcome: 'refused', bytes: (line, usual) => `${line} http/1.1\r\n${usual}\r\n` },
  { what: 'HTTP/1.1 twice', outcome: 'refused', bytes: (line, usual) => `${line} HTTP/1.1 HTTP/1.1\r\n${usual}\r\n` },
  { what: 'ICE/1.0', outcome: 'refused', bytes: (line, usual) => `${line} ICE/1.0\r\n${usual}\r\n` },
  { what: 'RTSP/1.0', outcome: 'one', bytes: (line, usual) => `${line} RTSP/1.0\r\n${usual}\r\n` },
  {
    what: 'a tab in the request line',
    outcome: 'refused',
    bytes: (line, usual) => `${line.replace(' ', '\t')} HTTP/1.1\r\n${usual}\r\n`
  },
  {
    what: 'NUL in the path',
    outcome: 'refused',
    bytes: (line, usual) => `${line}/a\0b HTTP/1.1\r\n${usual}\r\n`
  },
  {
    what: 'a carriage return in the path',
    outcome: 'refused',
    bytes: (line, usual) => `${line}/a\rb HTTP/1.1\r\n${usual}\r\n`
  },
  {
    what: 'the preface of HTTP/2',
    outcome: 'refused',
    bytes: () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0'
  },
  { what: 'a hello of TLS', outcome: 'refused', bytes: () => '\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00' },
  {
    what: 'HTTP/1.0 with chunks',
    outcome: 'refused',
    bytes: (line, usual) => `${line} HTTP/1.0\r\n${usual}${T}\r\n\r\n2\r\nxx\r\n0\r\n\r\n`
  },
  {
    what: 'another host in the target',
    outcome: 'refused',
    bytes: (line, usual) => `${line.replace(' ', ' http://other')} HTTP/1.1\r\n${usual}\r\n`
  },
  {
    what: 'a user in the target',
    outcome: 'refused',
    bytes: (line, usual) => `${line.replace(' ', ' http://u@x')} HTTP/1.1\r\n${usual}\r\n`
  },
  {
    what: 'a target without a slash',
    outcome: 'refused',
    bytes: (line, usual) => `${line.replace(' /', ' ')} HTTP/1.1\r\n${usual}\r\n`
  },
  {
    what: 'the absolute form',
    outcome: 'one',
    bytes: (line, usual) => `${line.replace(' ', ' http://x')} HTTP/1.1\r\n${usual}\r\n`
  },
  {
    what: 'a line break in the path, encoded',
    outcome: 'one',
    bytes: (line, usual) => `${line}/a%20HTTP/1.1%0d%0aX:%20b HTTP/1.1\r\n${usual}\r\n`
  },
  { what: 'a length in CGI style', outcome: 'one', bytes: (l, u) => `${l} HTTP/1.1\r\n${u}Content_Length: 40\r\n\r\n` }
]

/** The corpus, of which each is tried on the API and on the data plane. */
export const ATTACKS: readonly Attack[] = [...LENGTHS, ...CODINGS, ...CHUNKS, ...LINES]
