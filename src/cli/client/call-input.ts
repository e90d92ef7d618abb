import type { Readable } from 'node:stream'

/** An input is whole when it ends within so many bytes and so long. */
const WHOLE_BYTES = 256 * 1024
const PATIENCE_MS = 500

/**
 * An input as one piece when it is short and ends soon, so that it is sent with its length: simple servers read no other, such as
 * CGI programs. Else the stream as it was, with what was read put back. Rejects with the fault of one that breaks off before.
 */
export function takeInput(input: Readable): Promise<Uint8Array | Readable> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array | Readable>()
  const taken: Buffer[] = []
  let bytes = 0
  const onData = (piece: string | Uint8Array) => {
    const buffer = Buffer.from(piece as Uint8Array)
    taken.push(buffer)
    bytes += buffer.length
    if (bytes > WHOLE_BYTES) putBack()
  }
  const onEnd = () => settle(() => resolve(Buffer.concat(taken)))
  const onError = (err: unknown) => settle(() => reject(err))
  const putBack = () => {
    input.pause()
    settle(() => {
      if (taken.length > 0) input.unshift(Buffer.concat(taken))
      resolve(input)
    })
  }
  const timer = setTimeout(putBack, PATIENCE_MS)
  const settle = (then: () => void) => {
    clearTimeout(timer)
    input.off('data', onData).off('end', onEnd).off('error', onError)
    then()
  }
  input.on('end', onEnd).on('error', onError).on('data', onData)
  return promise
}
