import { setTimeout as sleep } from 'node:timers/promises'
import { Mailbox } from './mailbox.ts'
import { type FunctionLine, ReplicaLog, type ReplicaLogDeps } from './replica-log.ts'
import type { Listed, Rosters } from './roster.ts'

export interface FollowDeps extends ReplicaLogDeps {
  readonly rosters: Pick<Rosters, 'look'>
  readonly log: { readonly warn: (fields: object, message: string) => void }
}

/** Until a log that the engine does not give is asked for again: 1, 2, 4, 5, 5 … s. */
const RETRY_MS = 1000
const MAX_RETRY_MS = 5000

/** One that runs though its log has ended may be in the middle of a restart. */
const AGAIN_MS = 200

/** Such a one has a log that grows, or may yet. */
const UP: ReadonlySet<string> = new Set(['running', 'paused', 'restarting'])

/**
 * Follows the logs of the replicas of one function: those that are there and those that come, through their restarts, until
 * they are gone. Its lines come in the order in which they are read.
 */
export class FunctionFollow {
  readonly #deps: FollowDeps
  readonly #key: string
  readonly #matches: (container: Listed) => boolean
  readonly #signal: AbortSignal
  readonly #mailbox = new Mailbox<FunctionLine>()
  readonly #logs = new Map<string, ReplicaLog>()
  readonly #states = new Map<string, string>()
  readonly #reading = new Map<string, Promise<void>>()
  /** Containers that are read no more: of some all that was kept is given elsewhere, the others come by it. */
  readonly #settled = new Set<string>()
  #onSeen: (() => void)[] = []
  #isStarted = false
  #isOver = false

  constructor(deps: FollowDeps, of: { key: string; matches: (container: Listed) => boolean }, signal: AbortSignal) {
    this.#deps = deps
    this.#key = of.key
    this.#matches = of.matches
    this.#signal = signal
    signal.addEventListener('abort', () => this.#leave(), { once: true })
  }

  /** The logs of those that are there now. */
  logs(): ReplicaLog[] {
    return [...this.#logs.values()]
  }

  /** Who is there now. Those that are new are followed from their first line on, once it is started. */
  see(containers: readonly Listed[]): void {
    this.#states.clear()
    for (const container of containers) {
      this.#states.set(container.id, container.state)
      const log = this.#logs.get(container.id)
      if (log !== undefined) log.rename(container.name)
      else this.#add(container)
    }
    if (this.#isStarted) this.#start()
    this.#tellSeen()
    this.#endWhenOver()
  }

  /**
   * The last lines of one that goes were kept. One that nobody has seen, as it came and went between two looks, is read all the same: by
   * what was kept, where the engine has forgotten it.
   */
  seeKept({ id, name }: Pick<Listed, 'id' | 'name'>): void {
    if (this.#logs.has(id)) return
    this.#add({ id, name, state: 'exited' })
    this.#settled.add(id)
    if (this.#isStarted) this.#start()
  }

  /** What was kept of these is given elsewhere, and is all that there is of them. */
  leaveOut(ids: readonly string[]): void {
    for (const id of ids) {
      this.#settled.add(id)
      this.#logs.delete(id)
    }
  }

  /** Those of the replicas that are there, from where they were read to, and of those that come. */
  lines(): AsyncGenerator<FunctionLine> {
    this.#isStarted = true
    this.#start()
    this.#endWhenOver()
    return this.#mailbox.take()
  }

  /** No replica comes any more: it ends when those that are there have ended. */
  end(): void {
    this.#isOver = true
    this.#tellSeen()
    this.#endWhenOver()
  }

  #add(container: Listed): void {
    const { id, state } = container
    if (this.#isOver || this.#settled.has(id) || !this.#matches(container)) return
    this.#logs.set(id, new ReplicaLog(this.#deps, container))
    this.#states.set(id, state)
  }

  #leave(): void {
    this.#mailbox.close()
    this.#tellSeen()
  }

  #tellSeen(): void {
    for (const resolve of this.#onSeen.splice(0)) resolve()
  }

  #start(): void {
    for (const log of this.#logs.values()) {
      if (this.#reading.has(log.id)) continue
      const reading = this.#followOne(log).then(
        () => this.#forget(log.id),
        err => this.#mailbox.close(err)
      )
      this.#reading.set(log.id, reading)
    }
  }

  #forget(id: string): void {
    this.#reading.delete(id)
    this.#logs.delete(id)
    this.#endWhenOver()
  }

  #endWhenOver(): void {
    if (this.#isOver && this.#isStarted && this.#reading.size === 0) this.#mailbox.close()
  }

  /** Until the container is gone. */
  async #followOne(log: ReplicaLog): Promise<void> {
    let failures = 0
    while (!this.#signal.aborted) {
      try {
        await this.#readToEnd(log)
        failures = 0
        if (await this.#isGone(log.id)) return
      } catch (err) {
        // The engine is away, or its stream broke: what is missed is read when it is back.
        if (failures === 0) this.#deps.log.warn({ err, key: this.#key }, 'Lost log that is followed')
        await this.#pause(Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** Math.min(failures++, 10)), 'or seen')
      }
    }
  }

  async #readToEnd(log: ReplicaLog): Promise<void> {
    await this.#pass(log.read({ follow: true }, this.#signal))
    // NOTE: an engine may end a log that is followed before its last lines (moby 20.10: the writer's end wins over its lines).
    await this.#pass(log.read({}, this.#signal))
  }

  async #pass(lines: AsyncIterable<FunctionLine>): Promise<void> {
    for await (const line of lines) await this.#mailbox.put(line)
  }

  /** Waits until the container runs again, or is gone. */
  async #isGone(id: string): Promise<boolean> {
    await this.#lookAgain()
    if (this.#isUp(id)) await this.#pause(AGAIN_MS)
    while (this.#states.has(id) && !this.#isUp(id) && !this.#signal.aborted && !this.#isOver) {
      await new Promise<void>(resolve => this.#onSeen.push(resolve))
    }
    return !this.#states.has(id) || this.#isOver
  }

  #isUp(id: string): boolean {
    return UP.has(this.#states.get(id) ?? '')
  }

  /** A look that fails says nothing new, which was told where it failed: the next one will. */
  async #lookAgain(): Promise<void> {
    await this.#deps.rosters.look(this.#key).catch(() => undefined)
  }

  /** Ends early when the reader leaves, or when somebody has looked who is there, as is done when the engine is back. */
  async #pause(ms: number, until?: 'or seen'): Promise<void> {
    const seen = new AbortController()
    if (until === 'or seen') this.#onSeen.push(() => seen.abort())
    await sleep(ms, undefined, { signal: AbortSignal.any([this.#signal, seen.signal]) }).catch(() => undefined)
  }
}
