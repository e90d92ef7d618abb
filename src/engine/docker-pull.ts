import type { PullProgress } from './engine.ts'
import { PullError } from './engine-fault.ts'
import { jsonLines } from './json-lines.ts'

interface PullMessage {
  readonly id?: string
  readonly status?: string
  readonly progressDetail?: { readonly current?: number; readonly total?: number }
  readonly error?: string
  readonly errorDetail?: { readonly message?: string }
}

/**
 * Reads a pull's messages to their end and tells of the sum over all layers at each. Throws `PullError` when one of
 * them is an error: the answer's status was 200 long before.
 */
export async function followPull(
  stream: AsyncIterable<Buffer>,
  onProgress: (progress: PullProgress) => void
): Promise<void> {
  const layers = new Map<string, PullProgress>()
  for await (const message of jsonLines(stream)) {
    take(message as PullMessage, layers)
    onProgress(total(layers))
  }
}

function take(message: PullMessage, layers: Map<string, PullProgress>): void {
  const error = message.errorDetail?.message ?? message.error
  if (error !== undefined) throw new PullError(error)
  const { id, status, progressDetail: { current, total: size } = {} } = message
  if (id === undefined) return
  const layer = layers.get(id)
  if (status === 'Downloading' && current !== undefined) {
    layers.set(id, { currentBytes: current, totalBytes: Math.max(size ?? 0, current) })
  } else if (status === 'Download complete' && layer !== undefined) {
    layers.set(id, { currentBytes: layer.totalBytes, totalBytes: layer.totalBytes })
  }
}

function total(layers: ReadonlyMap<string, PullProgress>): PullProgress {
  let currentBytes = 0
  let totalBytes = 0
  for (const layer of layers.values()) {
    currentBytes += layer.currentBytes
    totalBytes += layer.totalBytes
  }
  return { currentBytes, totalBytes }
}
