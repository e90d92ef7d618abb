import type { Engine } from '../../src/engine/engine.ts'
import { EngineError } from '../../src/engine/faults.ts'
import type { Logger } from '../../src/logging/logger.ts'
import type { KeptLine, LastLinesStore } from '../../src/store/last-lines.ts'

export interface LastLinesDeps {
  readonly engine: Pick<Engine, 'readLogs'>
  /** Where they are kept; absent: nowhere. */
  readonly lastLines?: Pick<LastLinesStore, 'put'>
  readonly now: () => number
  readonly log: Pick<Logger, 'warn'>
}

export interface Leaver {
  readonly id: string
  /** Name of the container. */
  readonly name: string
  /** Of its function. */
  readonly uid: string
}

const MAX_LINES = 200
const MAX_BYTES = 32 * 1024
/** A replica that is to go does not wait for longer. */
const TIMEOUT_MS = 2000

/**
 * Keeps what a replica wrote last, right before it is removed: its engine forgets that with it. What fails here is told and keeps
 * nothing else.
 */
export async function keepLastLines(deps: LastLinesDeps, leaver: Leaver, signal: AbortSignal): Promise<void> {
  const { engine, lastLines, now, log } = deps
  if (lastLines === undefined) return
  const { id: containerId, name: instance, uid } = leaver
  try {
    const lines = await readLastLines(engine, containerId, AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]))
    if (lines.length > 0) await lastLines.put({ containerId, uid, instance, removedAt: now(), lines })
  } catch (err) {
    if (err instanceof EngineError && err.fault === 'not-found') return
    log.warn({ err, container: instance }, 'Failed to keep last lines')
  }
  signal.throwIfAborted()
}

async function readLastLines(engine: LastLinesDeps['engine'], id: string, signal: AbortSignal): Promise<KeptLine[]> {
  const kept: KeptLine[] = []
  let bytes = 0
  for await (const { timestamp, text } of engine.readLogs(id, { tail: MAX_LINES }, signal)) {
    kept.push({ timestamp, text })
    bytes += sizeOf(text)
    while (bytes > MAX_BYTES && kept.length > 1) bytes -= sizeOf(kept.shift()?.text ?? '')
  }
  return kept
}

/** As UTF-8, with what a line takes beside its text. */
function sizeOf(text: string): number {
  return Buffer.byteLength(text) + 50
}
