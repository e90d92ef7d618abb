import { BadAnswerError, parseFields } from './answer-head.ts'

/** Longer numbers are not exact. */
const MAX_SIZE_DIGITS = 12
/** Of the extensions of all chunks of a body, and of its trailers. */
const MAX_EXTRA_BYTES = 16 * 1024
const CR = 0x0d
const LF = 0x0a
const SEMICOLON = 0x3b

type State = 'size' | 'extension' | 'size-end' | 'data' | 'data-cr' | 'data-lf' | 'trailers' | 'over'

/** Takes a body out of its chunks, wherever its bytes part. Source: RFC 9112 7.1. */
export class ChunkReader {
  #state: State = 'size'
  #digits = 0
  #left = 0
  #extra = 0
  #trailers = ''

  get isOver(): boolean {
    return this.#state === 'over'
  }

  /** Reads on; gives where it stopped: `end`, or behind the last byte of the body. Throws `BadAnswerError`. */
  read(bytes: Buffer, start: number, end: number, onData: (from: number, to: number) => void): number {
    let at = start
    while (at < end && this.#state !== 'over') {
      if (this.#state === 'data') {
        const to = Math.min(end, at + this.#left)
        this.#left -= to - at
        if (this.#left === 0) this.#state = 'data-cr'
        onData(at, to)
        at = to
      } else if (this.#state === 'trailers') at = this.#readTrailers(bytes, at, end)
      else this.#step(bytes[at++] ?? 0)
    }
    return at
  }

  /** The trailers, as name, value, name, value, when the body is over. */
  trailers(): readonly string[] {
    return this.#trailers === '\r\n' ? [] : parseFields(this.#trailers, 0)
  }

  #step(byte: number): void {
    if (this.#state === 'size') this.#onSize(byte)
    else if (this.#state === 'extension') this.#onExtension(byte)
    else if (this.#state === 'size-end') this.#expect(byte, LF, this.#left === 0 ? 'trailers' : 'data')
    else if (this.#state === 'data-cr') this.#expect(byte, CR, 'data-lf')
    else {
      this.#expect(byte, LF, 'size')
      this.#digits = 0
    }
  }

  #onSize(byte: number): void {
    const digit = hexOf(byte)
    if (digit >= 0) {
      if (++this.#digits > MAX_SIZE_DIGITS) throw new BadAnswerError('a chunk of the answer is too long')
      this.#left = this.#left * 16 + digit
    } else if (this.#digits > 0 && (byte === SEMICOLON || byte === CR)) {
      this.#state = byte === CR ? 'size-end' : 'extension'
    } else throw new BadAnswerError('a chunk of the answer has no size')
  }

  #onExtension(byte: number): void {
    if (byte === CR) this.#state = 'size-end'
    else if (byte === LF || ++this.#extra > MAX_EXTRA_BYTES) {
      throw new BadAnswerError('the extension of a chunk of the answer is malformed')
    }
  }

  #expect(byte: number, expected: number, next: State): void {
    if (byte !== expected) throw new BadAnswerError('a chunk of the answer does not end where it should')
    this.#state = next
  }

  #readTrailers(bytes: Buffer, at: number, end: number): number {
    const before = this.#trailers.length
    const text = this.#trailers + bytes.toString('latin1', at, Math.min(end, at + MAX_EXTRA_BYTES))
    const length = text.startsWith('\r\n') ? 2 : text.indexOf('\r\n\r\n') + 4
    if (length < 4 && !text.startsWith('\r\n')) {
      if (text.length > MAX_EXTRA_BYTES) throw new BadAnswerError('the trailers of the answer are too long')
      this.#trailers = text
      return at + text.length - before
    }
    this.#trailers = length === 2 ? '\r\n' : text.slice(0, length - 2)
    this.#state = 'over'
    return at + length - before
  }
}

/** The value of a hexadecimal digit; -1 for anything else. */
function hexOf(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}
