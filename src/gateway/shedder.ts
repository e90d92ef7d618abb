import type { IncomingMessage, ServerResponse } from 'node:http'
import { bodyKindOf } from './body.ts'

/** So many refusals in each period are written at once; they are cheap, and yet not free. */
const AT_ONCE = 50
const PERIOD_MS = 100
/** The others are written this many periods later: a client that does not wait for `Retry-After` is made to. */
const LATER_PERIODS = 10

const TEXT = 'the gateway has more calls than it can serve; try again later\n'

/**
 * Refuses calls that are too many. Of many in a row most get their answer a second later, as reading the next request of a client
 * that comes back at once would cost what a call that is served needs.
 */
export class Shedder {
  readonly #head: readonly string[]
  /** Those of the last periods, the oldest first. */
  #held: (() => void)[][] = []
  #atOnce = AT_ONCE
  #timer: NodeJS.Timeout | undefined

  constructor(servedBy: string) {
    this.#head = [
      ...['Content-Type', 'text/plain; charset=utf-8', 'Content-Length', String(TEXT.length), 'Retry-After', '1'],
      ...['X-OpenFaaS-Internal', 'proxy', 'X-Docker-Faas-Reason', 'GatewayOverloaded', 'X-Served-By', servedBy]
    ]
  }

  /** Calls `write` now, or a second later. */
  answer(write: () => void): void {
    if (this.#timer === undefined) this.#start()
    if (this.#atOnce-- > 0) write()
    else this.#held.at(-1)?.push(write)
  }

  /** Answers 503 with next to no work, before anything is made for the call; `owesContinue`: its client waits to send the body. */
  refuse(req: IncomingMessage, res: ServerResponse, owesContinue: boolean): void {
    // What is left of a large body is not read, so that nothing can follow it.
    const close = owesContinue || bodyKindOf(req) === 'streamed'
    this.answer(() => this.#write(res, close))
  }

  /** Writes all that is held. */
  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    for (const write of this.#held.splice(0).flat()) write()
  }

  #start(): void {
    this.#atOnce = AT_ONCE
    this.#held = [[]]
    this.#timer = setInterval(() => this.#onPeriod(), PERIOD_MS).unref()
  }

  #onPeriod(): void {
    const isQuiet = this.#atOnce === AT_ONCE && this.#held.every(period => period.length === 0)
    this.#atOnce = AT_ONCE
    this.#held.push([])
    if (this.#held.length > LATER_PERIODS) for (const write of this.#held.shift() ?? []) write()
    if (isQuiet) this.stop()
  }

  #write(res: ServerResponse, close: boolean): void {
    if (res.destroyed) return
    res.writeHead(503, close ? [...this.#head, 'Connection', 'close'] : [...this.#head])
    res.end(TEXT)
  }
}
