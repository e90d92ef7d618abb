import { randomBytes } from 'node:crypto'

/** A frame's first two bytes, the longest length and a mask. Source: RFC 6455 5.2. */
const MAX_HEAD_BYTES = 14
const SHORT_HEAD_BYTES = 2
const MASK_BYTES = 4
const CLOSE = 8

/** Where the frames of one direction of a WebSocket end; looks at their heads and skips what they carry. */
export class FrameBounds {
  readonly #head = Buffer.allocUnsafe(MAX_HEAD_BYTES)
  #headBytes = 0
  /** What is to come of the frame whose head was read. */
  #left = 0
  #isClosed = false

  /** Whether the last byte was the last one of its frame, so that another frame may follow. */
  get isBetween(): boolean {
    return this.#headBytes === 0 && this.#left === 0
  }

  /** Whether a Close frame came, after which none may follow. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Reads on; gives how many bytes were read: all, or with `toBound` those up to the end of the frame. */
  read(chunk: Buffer, toBound = false): number {
    let at = 0
    while (at < chunk.length) {
      if (this.#left > 0) {
        const bytes = Math.min(this.#left, chunk.length - at)
        this.#left -= bytes
        at += bytes
      } else {
        this.#readHead(chunk[at++] ?? 0)
      }
      if (toBound && this.isBetween) break
    }
    return at
  }

  #readHead(byte: number): void {
    const head = this.#head
    head[this.#headBytes++] = byte
    if (this.#headBytes < SHORT_HEAD_BYTES) return
    const second = head[1] ?? 0
    const length = second & 0x7f
    const lengthBytes = length === 126 ? 2 : length === 127 ? 8 : 0
    if (this.#headBytes < SHORT_HEAD_BYTES + lengthBytes + (second >= 0x80 ? MASK_BYTES : 0)) return
    this.#headBytes = 0
    this.#left = lengthBytes === 0 ? length : readLength(head, lengthBytes)
    if (((head[0] ?? 0) & 0x0f) === CLOSE) this.#isClosed = true
  }
}

function readLength(head: Buffer, bytes: 2 | 8): number {
  return bytes === 2 ? head.readUInt16BE(SHORT_HEAD_BYTES) : Number(head.readBigUInt64BE(SHORT_HEAD_BYTES))
}

/** A Close frame: `masked` in the direction from the client. Source: RFC 6455 5.5.1; `reason` has at most 123 bytes. */
export function closeFrame({ code, reason }: Closing, masked: boolean): Buffer {
  const payload = Buffer.from(`  ${reason}`)
  payload.writeUInt16BE(code)
  const head = [0x80 | CLOSE, payload.length | (masked ? 0x80 : 0)]
  if (!masked) return Buffer.from([...head, ...payload])
  const mask = randomBytes(MASK_BYTES)
  return Buffer.from([...head, ...mask, ...payload.map((byte, i) => byte ^ (mask[i % MASK_BYTES] ?? 0))])
}

/** Why a session is closed, as its client is told. */
export interface Closing {
  readonly code: number
  readonly reason: string
}

/** Source: RFC 6455 7.4.1 and IANA's registry. */
export const closings = {
  goingAway: { code: 1001, reason: 'the gateway is shutting down' },
  overdue: { code: 1001, reason: 'the session has lasted as long as its function allows' },
  idle: { code: 1001, reason: 'nothing was sent for too long' },
  died: { code: 1011, reason: 'the replica of the function went away' },
  restart: { code: 1012, reason: 'the replica of the function is stopped' },
  revoked: { code: 1008, reason: 'the token is no longer good' }
} as const satisfies Record<string, Closing>
