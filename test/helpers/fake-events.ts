import type { EngineEvent } from '../../src/engine/engine.ts'
import { EngineError } from '../../src/engine/faults.ts'

interface Watcher {
  readonly queue: EngineEvent[]
  wake: () => void
  failure?: EngineError
}

/** Streams of events: each watcher sees what happens from its connecting on. */
export class FakeEvents {
  /** While true, streams stay open and say nothing. */
  muted = false
  readonly #watchers = new Set<Watcher>()

  emit(event: EngineEvent): void {
    if (this.muted) return
    for (const watcher of this.#watchers) {
      watcher.queue.push(event)
      watcher.wake()
    }
  }

  /** Ends every stream the way a restart of the engine does. */
  breakStreams(): void {
    for (const watcher of this.#watchers) {
      watcher.failure = new EngineError('events', 'unavailable', 'the engine ended the stream of events')
      watcher.wake()
    }
  }

  async *watch(signal: AbortSignal): AsyncIterable<EngineEvent> {
    const watcher: Watcher = { queue: [{ kind: 'connected' }], wake: () => undefined }
    const onAbort = () => watcher.wake()
    signal.addEventListener('abort', onAbort)
    this.#watchers.add(watcher)
    try {
      while (!signal.aborted) {
        const event = watcher.queue.shift()
        if (event !== undefined) yield event
        else if (watcher.failure !== undefined) throw watcher.failure
        else await new Promise<void>(resolve => (watcher.wake = resolve))
      }
    } finally {
      this.#watchers.delete(watcher)
      signal.removeEventListener('abort', onAbort)
    }
  }
}
