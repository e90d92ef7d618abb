import type { FunctionObject } from '../../api/function.ts'
import { parseKey } from '../../api/meta.ts'
import type { EndpointTable, Route } from '../../src/gateway/endpoints.ts'
import { isAsleep } from '../../src/gateway/turn.ts'
import type { Logger } from '../../src/logging/logger.ts'
import type { Timers } from '../../src/runtime/timers.ts'
import type { EventStore, FunctionStore } from '../../src/store/store.ts'
import { QuotaNotes } from '../quota-notes.ts'
import { decideAwake } from './decide.ts'

/** A function is to run, as a call waits for it, whatever is written down yet. */
export interface Waking {
  readonly key: string
  readonly uid: string
  readonly from: 'zero' | 'frozen'
  /** Frozen replicas are being thawed, and answer the calls that wait: all other work can wait for that. */
  readonly isUrgent: boolean
  /** Whether the database says that it is to run. */
  readonly isWritten: boolean
}

export interface WakerDeps {
  readonly functions: Pick<FunctionStore, 'putScale'>
  readonly events: Pick<EventStore, 'record'>
  readonly endpoints: Pick<EndpointTable, 'get'>
  /** Frozen replicas can run at once: before any other pass. */
  readonly addUrgent: (key: string) => void
  /** Somebody asked for it. */
  readonly addFirst: (key: string) => void
  readonly maxReplicas: number
  readonly onWoken: (key: string, from: Waking['from']) => void
  readonly onWriteFailed: () => void
  readonly timers: Timers
  readonly log: Logger
}

/** What became of writing down that a function is to run. */
interface Written {
  /** Undefined: it is gone. */
  readonly object: FunctionObject | undefined
  /** Replicas that it is to come back with. */
  readonly wanted: number
  /** Replicas that its namespace has room for. */
  readonly left: number
}

/** Between tries to write down that a function is to run. */
const FIRST_WAIT_MS = 100
const LAST_WAIT_MS = 5000

/** A commit holds the process up while the disk syncs: frozen replicas are thawed before. */
const THAW_MS = 100

/** Its namespace has no room for a replica: looked at again after so long, as long as calls wait. */
const NO_ROOM_MS = 5000

/**
 * Brings functions back for calls that wait: one at a time for each, however many calls there are. It writes down that the
 * function is to run; until that is done, and a pass has gone by it, the function controller goes by `wakingOf`.
 */
export class Waker {
  readonly #deps: WakerDeps
  readonly #wakings = new Map<string, Waking>()
  /** Asked for again while they were being woken. */
  readonly #again = new Set<string>()
  readonly #retries = new Set<unknown>()
  readonly #notes: QuotaNotes
  #isStopped = false

  constructor(deps: WakerDeps) {
    this.#deps = deps
    this.#notes = new QuotaNotes(deps)
  }

  /** A call waits for the function. Returns at once. */
  wake(key: string): void {
    const route = this.#deps.endpoints.get(key)
    // Whoever asks may go by an older table: one that is awake here is soon there, too.
    if (route === undefined || !isAsleep(route) || this.#isStopped) return
    if (this.#wakings.has(key)) this.#again.add(key)
    else this.#begin(route)
  }

  /** That the function is to run, as far as calls say so. */
  wakingOf(key: string): Waking | undefined {
    return this.#wakings.get(key)
  }

  /** A pass is over that went by this, and by an object that was read after it began. */
  async met(waking: Waking): Promise<void> {
    const { key } = waking
    if (!waking.isWritten || this.#wakings.get(key) !== waking) return
    this.#wakings.delete(key)
    // Calls may have come to wait again since, as somebody scaled it to zero.
    if (this.#again.delete(key)) this.wake(key)
    await this.#tell(waking)
  }

  /** The function is gone. */
  forget(key: string): void {
    this.#wakings.delete(key)
    this.#again.delete(key)
    this.#notes.forget(key)
  }

  /** Tries nothing again. */
  stop(): void {
    this.#isStopped = true
    for (const retry of this.#retries) this.#deps.timers.clear(retry)
  }

  #begin({ key, uid, frozen }: Route): void {
    const isUrgent = frozen !== undefined
    const waking: Waking = { key, uid, from: isUrgent ? 'frozen' : 'zero', isUrgent, isWritten: false }
    this.#wakings.set(key, waking)
    if (!isUrgent) {
      void this.#write(waking, 0)
      return
    }
    this.#deps.addUrgent(key)
    this.#later(THAW_MS, () => {
      const thawed = { ...waking, isUrgent: false }
      if (this.#wakings.get(key) === waking) this.#wakings.set(key, thawed)
      void this.#write(thawed, 0)
    })
  }

  async #write(waking: Waking, failures: number): Promise<void> {
    const { addFirst, log, onWriteFailed } = this.#deps
    const { key, uid } = waking
    if (this.#wakings.get(key) !== waking) return
    let written: Written
    try {
      written = await this.#putAwake(waking)
    } catch (err) {
      const retryInMs = Math.min(LAST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures)
      onWriteFailed()
      log.warn({ key, err, retryInMs }, 'Failed to write down that function is to run')
      this.#later(retryInMs, () => void this.#write(waking, failures + 1))
      return
    }
    if (this.#wakings.get(key) !== waking) return
    const { object, wanted, left } = written
    if (object === undefined) this.forget(key)
    else if (left === 0) this.#giveUp(key)
    else this.#wakings.set(key, { ...waking, isWritten: true })
    if (object === undefined || left > 0) addFirst(key)
    if (object !== undefined && left < wanted) await this.#notes.reached(key, uid, { wanted, left })
    else this.#notes.forget(key)
  }

  /** Writes down that it is to run, with as many replicas as its namespace has room for: none where that is not even one. */
  async #putAwake({ key, uid, from }: Waking): Promise<Written> {
    const { functions, maxReplicas } = this.#deps
    let [wanted, left] = [0, Number.POSITIVE_INFINITY]
    const object = await functions.putScale(key, uid, (current, most) => {
      const awake = decideAwake(current, from, maxReplicas)
      wanted = awake?.replicas ?? 0
      left = awake === undefined ? Number.POSITIVE_INFINITY : most
      return awake === undefined || most === 0 ? undefined : { ...awake, replicas: Math.min(awake.replicas, most) }
    })
    return { object, wanted, left }
  }

  /** Calls that wait still when the controller has looked ask for it again. */
  #giveUp(key: string): void {
    this.#wakings.delete(key)
    this.#again.delete(key)
    this.#later(NO_ROOM_MS, () => this.#deps.addFirst(key))
  }

  #later(ms: number, run: () => void): void {
    if (this.#isStopped) return
    const timer = this.#deps.timers.set(() => {
      this.#retries.delete(timer)
      run()
    }, ms)
    this.#retries.add(timer)
  }

  async #tell({ key, uid, from }: Waking): Promise<void> {
    const { events, log, onWoken } = this.#deps
    onWoken(key, from)
    const happening =
      from === 'zero'
        ? ({ reason: 'Woken', message: 'a call brought it back from zero' } as const)
        : ({ reason: 'Thawed', message: 'a call brought its frozen replicas back' } as const)
    log.info({ key, from }, 'Woke function for call')
    try {
      await events.record({ ...parseKey(key), uid, type: 'Normal', ...happening })
    } catch (err) {
      log.warn({ key, err }, 'Failed to record that function was woken')
    }
  }
}
