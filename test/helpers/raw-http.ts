import net from 'node:net'

/** What a strict reader makes of the bytes of one connection. */
export interface ReadRequest {
  readonly line: string
  /** Lower-case name and value of each header line, in their order. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string
  readonly trailers: string
}

export class NotHttp extends Error {
  override name = 'NotHttp'
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/**
 * Takes one request from the start of the bytes, as RFC 9112 has it and without any leniency; undefined when it is not
 * whole yet. Throws `NotHttp` when it is anything that two parsers might read in two ways.
 */
export function takeRequest(bytes: string): { request: ReadRequest; rest: string } | undefined {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [line = '', ...lines] = bytes.slice(0, end).split('\r\n')
  if (!/^[A-Z-]+ \/[\x21-\x7e]* HTTP\/1\.1$/.test(line)) throw new NotHttp(`request line ${JSON.stringify(line)}`)
  const headers = lines.map(readHeader)
  const lengths = headers.filter(([name]) => name === 'content-length')
  const codings = headers.filter(([name]) => name === 'transfer-encoding')
  if (headers.filter(([name]) => name === 'host').length !== 1) throw new NotHttp('not one Host')
  if (lengths.length + codings.length > 1) throw new NotHttp('more than one framing')
  const after = bytes.slice(end + 4)
  if (codings.length === 1) {
    if (codings[0]?.[1] !== 'chunked') throw new NotHttp(`coding ${codings[0]?.[1]}`)
    const taken = takeChunks(after)
    if (taken === undefined) return undefined
    const { body, trailers, rest } = taken
    return { request: { line, headers, body, trailers }, rest }
  }
  const length = lengths[0]?.[1] ?? '0'
  if (!/^\d+$/.test(length)) throw new NotHttp(`length ${length}`)
  if (after.length < Number(length)) return undefined
  const request = { line, headers, body: after.slice(0, Number(length)), trailers: '' }
  return { request, rest: after.slice(Number(length)) }
}

function readHeader(line: string): readonly [string, string] {
  const colon = line.indexOf(':')
  const name = line.slice(0, colon)
  const value = line.slice(colon + 1)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is these that must not get through
  if (colon < 1 || !TOKEN.test(name) || /[\x00-\x08\x0a-\x1f\x7f]/.test(value)) {
    throw new NotHttp(`header ${JSON.stringify(line)}`)
  }
  return [name.toLowerCase(), value.replace(/^[ \t]+|[ \t]+$/g, '')]
}

function takeChunks(bytes: string): { body: string; trailers: string; rest: string } | undefined {
  let body = ''
  for (let at = 0; ; ) {
    const end = bytes.indexOf('\r\n', at)
    if (end < 0) return undefined
    const size = bytes.slice(at, end)
    if (!/^[0-9a-fA-F]{1,8}$/.test(size)) throw new NotHttp(`chunk size ${JSON.stringify(size)}`)
    const length = Number.parseInt(size, 16)
    if (length === 0) return takeTrailers(body, bytes, end + 2)
    if (bytes.length < end + 2 + length + 2) return undefined
    body += bytes.slice(end + 2, end + 2 + length)
    if (bytes.slice(end + 2 + length, end + 4 + length) !== '\r\n') throw new NotHttp('chunk without its end')
    at = end + 4 + length
  }
}

function takeTrailers(
  body: string,
  bytes: string,
  at: number
): { body: string; trailers: string; rest: string } | undefined {
  if (bytes.startsWith('\r\n', at)) return { body, trailers: '', rest: bytes.slice(at + 2) }
  const end = bytes.indexOf('\r\n\r\n', at)
  if (end < 0) return undefined
  return { body, trailers: bytes.slice(at, end), rest: bytes.slice(end + 4) }
}

/** A function of raw sockets that takes nothing but strict HTTP and notes all that came. */
export interface StrictFunction {
  readonly requests: ReadRequest[]
  /** What came and is no request; one that broke off is not among them. */
  readonly refused: string[]
  /** For `DataPlane.rawReplica`. */
  readonly onSocket: (socket: net.Socket) => void
}

/** Answers each request with its line and body. */
export function strictFunction(): StrictFunction {
  const requests: ReadRequest[] = []
  const refused: string[] = []
  const onSocket = (socket: net.Socket) => {
    let bytes = ''
    socket.on('data', chunk => {
      bytes += chunk.toString('latin1')
      try {
        for (let taken = takeRequest(bytes); taken !== undefined; taken = takeRequest(bytes)) {
          bytes = taken.rest
          requests.push(taken.request)
          const text = `${taken.request.line} ${taken.request.body}`
          socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`, 'latin1')
        }
      } catch (err) {
        refused.push(String(err))
        socket.destroy()
      }
    })
  }
  return { requests, refused, onSocket }
}

export interface Talk {
  /** All that the server said, as latin1. */
  readonly said: string
  /** How many answers begin in it. */
  readonly answers: number
  /** Of the answers, in their order, interim ones too. */
  readonly statuses: readonly number[]
  /** Whether the server ended the connection, before this side gave up waiting. */
  readonly closed: boolean
}

const QUIET_MS = 5000

/** Sends bytes, which may be in several pieces, and listens until the server closes, or `quietMs` go by without a word. */
export async function talk(port: number, bytes: string | readonly string[], quietMs = QUIET_MS): Promise<Talk> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
  const end = new Promise(resolve => socket.once('close', resolve))
  let said = ''
  let closed = true
  socket.setTimeout(quietMs, () => {
    closed = false
    socket.destroy()
  })
  socket.on('data', chunk => {
    said += chunk.toString('latin1')
  })
  // A reset is an end like another here.
  socket.on('error', () => undefined)
  for (const piece of [bytes].flat()) {
    socket.write(piece, 'latin1')
    await new Promise(resolve => setImmediate(resolve))
  }
  await end
  const statuses = [...said.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))
  return { said, answers: statuses.length, statuses, closed }
}
