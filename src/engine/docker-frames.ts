const HEADER_BYTES = 8
/** What the engine itself has to say. Source: moby, `stdcopy.Systemerr`. */
const SYSTEM_ERROR = 3
/** Of a larger frame, so much is given at a time. */
const MAX_PIECE_BYTES = 64 * 1024

/** A part of what a container wrote. */
export interface Piece {
  readonly stream: 'stdout' | 'stderr' | 'engine'
  readonly bytes: Buffer
  /** Whether a frame begins with it, and so one writing of the engine. */
  readonly isStart: boolean
}

/**
 * What the engine sends of a container's log: frames of 8 bytes of header (stream, three zeros, length) and a part of
 * stdout or stderr, however they are cut into chunks; or, of a container with a terminal, plain text. No piece is
 * larger than 64 KiB, and one that is smaller is a whole frame or the end of one. Source: Docker Engine API, "Attach
 * to a container", stream format.
 */
export async function* readPieces(chunks: AsyncIterable<Buffer>): AsyncGenerator<Piece> {
  const frames = new Frames()
  for await (const chunk of chunks) yield* frames.push(chunk)
  yield* frames.end()
}

class Frames {
  #rest: Buffer = Buffer.alloc(0)
  #isPlain: boolean | undefined
  #stream: Piece['stream'] = 'stdout'
  /** Bytes that are left of the frame; 0: a header comes next. */
  #left = 0
  #isStart = true

  push(chunk: Buffer): Iterable<Piece> {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    if (this.#isPlain === undefined && this.#rest.length >= HEADER_BYTES) this.#isPlain = !isHeader(this.#rest)
    if (this.#isPlain === undefined) return []
    return this.#isPlain ? this.#plain() : this.#framed()
  }

  /** What is left of a frame that was cut off, or of plain text too short to be a frame. */
  *end(): Generator<Piece> {
    if (this.#rest.length === 0) return
    if (this.#isPlain !== false) yield* this.#plain()
    else if (this.#left > 0) yield this.#piece(this.#rest.length)
  }

  *#plain(): Generator<Piece> {
    if (this.#rest.length > 0) yield { stream: 'stdout', bytes: this.#rest, isStart: false }
    this.#rest = Buffer.alloc(0)
  }

  *#framed(): Generator<Piece> {
    while (this.#rest.length > 0) {
      if (this.#left === 0 && !this.#takeHeader()) return
      const length = Math.min(this.#left, MAX_PIECE_BYTES)
      if (this.#rest.length < length) return
      if (length > 0) yield this.#piece(length)
    }
  }

  #takeHeader(): boolean {
    if (this.#rest.length < HEADER_BYTES) return false
    this.#stream = streamOf(this.#rest.readUInt8(0))
    this.#left = this.#rest.readUInt32BE(4)
    this.#rest = this.#rest.subarray(HEADER_BYTES)
    this.#isStart = true
    return true
  }

  #piece(length: number): Piece {
    const piece = { stream: this.#stream, bytes: this.#rest.subarray(0, length), isStart: this.#isStart }
    this.#rest = this.#rest.subarray(length)
    this.#left -= length
    this.#isStart = false
    return piece
  }
}

function streamOf(type: number): Piece['stream'] {
  if (type === SYSTEM_ERROR) return 'engine'
  return type === 2 ? 'stderr' : 'stdout'
}

function isHeader(bytes: Buffer): boolean {
  return bytes.readUInt8(0) <= SYSTEM_ERROR && bytes.readUIntBE(1, 3) === 0
}
