import type { Logger } from '../logging/logger.ts'
import { systemTimers, type Timers } from './timers.ts'

/** A part of the program that runs until it is stopped. */
export interface Component {
  readonly name: string
  /** Done when it works. */
  readonly start: () => void | Promise<void>
  readonly stop: () => void | Promise<void>
  /** How long `stop` may take; the manager's when left out. */
  readonly stopDeadlineMs?: number
}

export interface ManagerOptions {
  readonly log: Logger
  /** How long each `stop` may take; 15 s when left out. */
  readonly stopDeadlineMs?: number
  readonly timers?: Timers
}

/** What a start ends with that a stop overtook. */
export class StoppedEarlyError extends Error {
  override name = 'StoppedEarlyError'
}

const STOP_DEADLINE_MS = 15_000

/** Starts components in the order in which they were added, and stops them in reverse. */
export class Manager {
  readonly #components: Component[] = []
  readonly #started: Component[] = []
  readonly #log: Logger
  readonly #stopDeadlineMs: number
  readonly #timers: Timers
  readonly #ready = Promise.withResolvers<void>()
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  #isReady = false

  constructor({ log, stopDeadlineMs = STOP_DEADLINE_MS, timers = systemTimers }: ManagerOptions) {
    this.#log = log
    this.#stopDeadlineMs = stopDeadlineMs
    this.#timers = timers
    this.#ready.promise.catch(() => undefined) // who calls start sees the error; nobody need wait for readiness
  }

  /** Whether all have started and none was told to stop. */
  get isReady(): boolean {
    return this.#isReady
  }

  /** Resolves when all have started; rejects when one cannot, or `stop` comes first. */
  whenReady(): Promise<void> {
    return this.#ready.promise
  }

  /** Throws after `start`. */
  add(component: Component): void {
    if (this.#starting !== undefined) throw new Error(`component ${component.name} comes after the start`)
    this.#components.push(component)
  }

  /**
   * Starts them one after the other. When one cannot start, those before it are stopped, and its error is thrown; it is
   * `StoppedEarlyError` when `stop` came first.
   */
  start(): Promise<void> {
    this.#starting ??= this.#startAll()
    return this.#starting
  }

  /** Stops what was started, the last one first; one that fails or takes too long does not keep the others. Never rejects. */
  stop(): Promise<void> {
    this.#isReady = false
    this.#stopping ??= this.#stopAll()
    return this.#stopping
  }

  async #startAll(): Promise<void> {
    try {
      for (const component of this.#components) {
        if (this.#stopping !== undefined) throw new StoppedEarlyError(`stopped before ${component.name} was started`)
        await component.start()
        this.#started.push(component)
      }
      if (this.#stopping !== undefined) throw new StoppedEarlyError('stopped before all was started')
    } catch (err) {
      this.#ready.reject(err)
      await this.stop()
      await this.#stopStarted() // what came up while a stop was under way
      throw err
    }
    this.#isReady = true
    this.#ready.resolve()
  }

  async #stopAll(): Promise<void> {
    this.#ready.reject(new StoppedEarlyError('stopped before all was started'))
    await this.#stopStarted()
  }

  async #stopStarted(): Promise<void> {
    for (let component = this.#started.pop(); component !== undefined; component = this.#started.pop()) {
      await this.#stopOne(component)
    }
  }

  async #stopOne(component: Component): Promise<void> {
    const { name, stopDeadlineMs = this.#stopDeadlineMs } = component
    const { promise: over, resolve } = Promise.withResolvers<'late'>()
    const timer = this.#timers.set(() => resolve('late'), stopDeadlineMs)
    try {
      const outcome = await Promise.race([component.stop(), over])
      if (outcome === 'late')
        this.#log.error({ component: name, stopDeadlineMs }, 'Left component behind that did not stop')
      else this.#log.debug({ component: name }, 'Stopped component')
    } catch (err) {
      this.#log.error({ component: name, err }, 'Failed to stop component')
    } finally {
      this.#timers.clear(timer)
    }
  }
}
