const HEADER_BYTES = 8

/**
 * The end of a container's log, at most `maxBytes` of it and cut at the start of a line, whatever the log's size: the
 * engine sends frames of 8 bytes of header (stream, three zeros, length) and a part of stdout or stderr, or, of a
 * container with a terminal, plain text.
 */
export async function readTail(stream: AsyncIterable<Buffer>, maxBytes: number): Promise<string> {
  const tail = new Tail(maxBytes)
  let rest: Buffer = Buffer.alloc(0)
  let isPlain: boolean | undefined
  for await (const chunk of stream) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    if (isPlain === undefined && rest.length >= HEADER_BYTES) isPlain = !isHeader(rest)
    if (isPlain === undefined) continue
    rest = isPlain ? tail.push(rest) : takeFrames(rest, tail)
  }
  if (isPlain !== false) tail.push(rest)
  return tail.toString()
}

function isHeader(bytes: Buffer): boolean {
  return bytes.readUInt8(0) <= 2 && bytes.readUIntBE(1, 3) === 0
}

/** Hands on the whole frames at the start of `bytes`; gives back what is left. */
function takeFrames(bytes: Buffer, tail: Tail): Buffer {
  let start = 0
  while (bytes.length - start >= HEADER_BYTES) {
    const end = start + HEADER_BYTES + bytes.readUInt32BE(start + 4)
    if (end > bytes.length) break
    tail.push(bytes.subarray(start + HEADER_BYTES, end))
    start = end
  }
  return bytes.subarray(start)
}

class Tail {
  readonly #maxBytes: number
  #chunks: Buffer[] = []
  #length = 0
  #isCut = false
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  push(bytes: Buffer): Buffer {
    this.#chunks.push(bytes)
    this.#length += bytes.length
    while (this.#length - (this.#chunks[0]?.length ?? 0) >= this.#maxBytes) {
      this.#length -= this.#chunks.shift()?.length ?? 0
      this.#isCut = true
    }
    return Buffer.alloc(0)
  }

  toString(): string {
    const all = Buffer.concat(this.#chunks)
    if (!this.#isCut && all.length <= this.#maxBytes) return all.toString()
    const kept = all.subarray(Math.max(0, all.length - this.#maxBytes))
    return kept.subarray(kept.indexOf('\n') + 1).toString()
  }
}
