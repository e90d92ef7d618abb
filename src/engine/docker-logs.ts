import { type Piece, readPieces } from './docker-frames.ts'
import type { LogLine, LogQuery } from './engine.ts'

/** A longer line is given in parts of this size. */
const MAX_LINE_BYTES = 64 * 1024
const NEWLINE = 0x0a
const RETURN = 0x0d
/** Source: moby, `RFC3339NanoFixed`, before each writing when timestamps are asked for. */
const TIMESTAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)) /
const TIMESTAMP_BYTES = 40
/** How the engine begins when it cannot go on in the middle of a log. */
const BROKEN = /^(?:error from daemon in stream: )?Error grabbing logs: /

/**
 * The end of a container's log, at most `maxBytes` of it and cut at the start of a line, whatever the log's size.
 */
export async function readTail(stream: AsyncIterable<Buffer>, maxBytes: number): Promise<string> {
  const tail = new Tail(maxBytes)
  for await (const { bytes } of readPieces(stream)) tail.push(bytes)
  return tail.toString()
}

/**
 * The lines of a log that was asked for with timestamps. A line that the engine keeps in parts (16 KiB each) is whole
 * again, up to 64 KiB; one without an end is given when the log ends. Throws when the engine says that it cannot go on.
 */
export async function* readLines(stream: AsyncIterable<Buffer>): AsyncGenerator<LogLine> {
  const assemblies = { stdout: new Assembly('stdout'), stderr: new Assembly('stderr') }
  for await (const piece of readPieces(stream)) {
    if (piece.stream === 'engine' || isBroken(piece)) throw new Error(piece.bytes.toString().trim())
    yield* assemblies[piece.stream].push(piece)
  }
  yield* assemblies.stdout.end()
  yield* assemblies.stderr.end()
}

/** The parameters of a query. The last `tail` lines are those of all that is there since `since`. */
export function logParameters({ since, tail, follow }: LogQuery): Readonly<Record<string, unknown>> {
  return {
    ...{ stdout: true, stderr: true, timestamps: true },
    ...(follow ? { follow } : {}),
    ...(since === undefined ? {} : { since: toUnixTime(since) }),
    ...(tail === undefined ? {} : { tail })
  }
}

/** Seconds since the epoch, with a fraction. */
function toUnixTime(timestamp: string): string {
  const seconds = Math.floor(Date.parse(timestamp) / 1000)
  const [, fraction = ''] = /\.(\d{1,9})/.exec(timestamp) ?? []
  return `${seconds}.${fraction.padEnd(9, '0')}`
}

function isBroken({ isStart, bytes }: Piece): boolean {
  return isStart && BROKEN.test(bytes.subarray(0, 2 * TIMESTAMP_BYTES).toString('latin1'))
}

/** Puts the lines of one of the two streams together. */
class Assembly {
  readonly #stream: LogLine['stream']
  #timestamp = ''
  #parts: Buffer[] = []
  #length = 0
  /** Whether the timestamp of the line was read. */
  #isOpen = false

  constructor(stream: LogLine['stream']) {
    this.#stream = stream
  }

  *push({ bytes, isStart }: Piece): Generator<LogLine> {
    const goesOn = isStart && this.#length > 0
    if (goesOn) this.#open()
    let rest = goesOn || (isStart && this.#isOpen) ? bytes.subarray(timestampOf(bytes)?.length ?? 0) : bytes
    while (rest.length > 0) {
      const end = rest.indexOf(NEWLINE)
      this.#add(end < 0 ? rest : rest.subarray(0, end))
      if (end >= 0) {
        this.#open()
        yield* this.#takeLong()
        yield this.#take(this.#join(), true)
        this.#isOpen = false
      } else yield* this.#takeLong()
      rest = end < 0 ? Buffer.alloc(0) : rest.subarray(end + 1)
    }
  }

  /** A line that has not ended. */
  *end(): Generator<LogLine> {
    if (this.#length === 0) return
    this.#open()
    yield this.#take(this.#join(), false)
  }

  #add(bytes: Buffer): void {
    if (bytes.length > 0) this.#parts.push(bytes)
    this.#length += bytes.length
    if (this.#length >= TIMESTAMP_BYTES) this.#open()
  }

  /** Takes the timestamp off the start of the line. */
  #open(): void {
    if (this.#isOpen) return
    this.#isOpen = true
    const all = this.#join()
    const found = timestampOf(all)
    this.#keep(found === undefined ? all : all.subarray(found.length))
    this.#timestamp = found?.timestamp ?? this.#timestamp
  }

  *#takeLong(): Generator<LogLine> {
    while (this.#length > MAX_LINE_BYTES) {
      const all = this.#join()
      const end = startOfCharacter(all, MAX_LINE_BYTES)
      yield this.#take(all.subarray(0, end), false)
      this.#keep(all.subarray(end))
    }
  }

  #take(bytes: Buffer, isEnded: boolean): LogLine {
    const end = isEnded && bytes.at(-1) === RETURN ? bytes.length - 1 : bytes.length
    this.#keep(Buffer.alloc(0))
    return { timestamp: this.#timestamp, stream: this.#stream, text: bytes.toString('utf8', 0, end) }
  }

  #join(): Buffer {
    return this.#parts.length === 1 && this.#parts[0] !== undefined ? this.#parts[0] : Buffer.concat(this.#parts)
  }

  #keep(bytes: Buffer): void {
    this.#parts = bytes.length === 0 ? [] : [bytes]
    this.#length = bytes.length
  }
}

/** The timestamp at the start, and how many bytes it takes with the space behind it. */
function timestampOf(bytes: Buffer): { readonly timestamp: string; readonly length: number } | undefined {
  const found = TIMESTAMP.exec(bytes.subarray(0, TIMESTAMP_BYTES).toString('latin1'))
  return found?.[1] === undefined ? undefined : { timestamp: found[1], length: found[0].length }
}

/** The last place up to `at` at which a character of UTF-8 may begin. */
function startOfCharacter(bytes: Buffer, at: number): number {
  for (let place = at; place > at - 4; place--) if (((bytes[place] ?? 0) & 0xc0) !== 0x80) return place
  return at
}

class Tail {
  readonly #maxBytes: number
  #chunks: Buffer[] = []
  #length = 0
  #isCut = false
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  push(bytes: Buffer): void {
    this.#chunks.push(bytes)
    this.#length += bytes.length
    while (this.#length - (this.#chunks[0]?.length ?? 0) >= this.#maxBytes) {
      this.#length -= this.#chunks.shift()?.length ?? 0
      this.#isCut = true
    }
  }

  toString(): string {
    const all = Buffer.concat(this.#chunks)
    if (!this.#isCut && all.length <= this.#maxBytes) return all.toString()
    const kept = all.subarray(Math.max(0, all.length - this.#maxBytes))
    return kept.subarray(kept.indexOf('\n') + 1).toString()
  }
}
