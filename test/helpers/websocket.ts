import { once } from 'node:events'
import net from 'node:net'
import { eventually } from './eventually.ts'

export const OPCODE = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** A whole frame, masked as a client's when told so. Source: RFC 6455 5.2. */
export function frame(opcode: number, payload: string | Buffer, masked = false): Buffer {
  const body = Buffer.from(payload)
  const length = Buffer.alloc(body.length < 126 ? 1 : body.length < 65_536 ? 3 : 9)
  if (length.length === 1) length[0] = body.length
  else if (length.length === 3) {
    length[0] = 126
    length.writeUInt16BE(body.length, 1)
  } else {
    length[0] = 127
    length.writeBigUInt64BE(BigInt(body.length), 1)
  }
  if (!masked) return Buffer.concat([Buffer.from([0x80 | opcode]), length, body])
  const mask = Buffer.from([0x11, 0x22, 0x33, 0x44])
  length[0] = (length[0] ?? 0) | 0x80
  return Buffer.concat([Buffer.from([0x80 | opcode]), length, mask, body.map((byte, i) => byte ^ (mask[i % 4] ?? 0))])
}

/** What a Close frame at the end of the bytes says; undefined when they do not end with one. */
export function closeAtEnd(bytes: Buffer): { code: number; reason: string } | undefined {
  const at = bytes.lastIndexOf(Buffer.from([0x80 | OPCODE.close]))
  const length = bytes[at + 1] ?? 0
  if (at < 0 || at + 2 + length !== bytes.length || length < 2) return undefined
  return { code: bytes.readUInt16BE(at + 2), reason: bytes.toString('utf8', at + 4) }
}

/** One side of a connection, byte for byte. */
export class RawSide {
  readonly socket: net.Socket
  readonly #chunks: Buffer[] = []
  /** How many bytes came. */
  count = 0
  /** The other side has ended its direction. */
  ended = false
  closed = false
  error: string | undefined

  constructor(socket: net.Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk)
      this.count += chunk.length
    })
    socket.on('end', () => {
      this.ended = true
    })
    socket.on('error', (err: NodeJS.ErrnoException) => {
      this.error = err.code
    })
    socket.on('close', () => {
      this.closed = true
    })
  }

  /** Connects to a port of this machine. */
  static async connect(port: number): Promise<RawSide> {
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    await once(socket, 'connect')
    return new RawSide(socket)
  }

  /** All that came. */
  get bytes(): Buffer {
    const whole = Buffer.concat(this.#chunks)
    this.#chunks.splice(0, this.#chunks.length, whole)
    return whole
  }

  get text(): string {
    return this.bytes.toString('latin1')
  }

  /** What came behind the head of an HTTP message. */
  get after(): Buffer {
    const at = this.bytes.indexOf('\r\n\r\n')
    return at < 0 ? Buffer.alloc(0) : this.bytes.subarray(at + 4)
  }

  /** The head of an HTTP message. */
  get head(): string {
    return this.text.slice(0, this.text.indexOf('\r\n\r\n') + 2)
  }

  /** Waits until these bytes came. */
  async has(part: string): Promise<void> {
    await eventually(() => {
      if (!this.text.includes(part))
        throw new Error(`${JSON.stringify(part)} did not come: ${JSON.stringify(this.text)}`)
    })
  }

  async isEnded(): Promise<void> {
    await eventually(() => {
      if (!this.ended && !this.closed) throw new Error('it has not ended')
    })
  }
}

/** A request to open a WebSocket. */
export function opening(path = '/', headers: readonly string[] = []): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    'Host: fn.example',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ...headers
  ]
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** The answer that opens it. */
export const OPENED =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n'
