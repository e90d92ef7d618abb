/** What a container wrote at once, as the engine sends it: stream 1 is stdout, 2 is stderr. Source: Docker API, "Stream format". */
export function frame(content: string | Buffer, stream = 1): Buffer {
  const body = Buffer.from(content)
  const header = Buffer.alloc(8)
  header.writeUInt8(stream)
  header.writeUInt32BE(body.length, 4)
  return Buffer.concat([header, body])
}

export async function* inChunks(bytes: Buffer, size: number): AsyncIterable<Buffer> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size)
}
