import type { Inflight } from '../gateway/inflight.ts'
import type { CallSummer } from './call-sums.ts'
import type { Report } from './protocol.ts'

export interface ReporterDeps {
  readonly inflight: Pick<Inflight, 'own'>
  readonly calls: CallSummer
  /** By which calls are sent. */
  readonly version: () => number
  /** `sent` is called when the controller's end of the channel has room again. */
  readonly send: (report: Report, sent: () => void) => void
}

const PERIOD_MS = 100

/** Tells the controller what the worker has counted: now and then, never for each call, and nothing while it does not listen. */
export class Reporter {
  readonly #deps: ReporterDeps
  /** Containers and their calls as last told. */
  #told = new Map<string, number>()
  #toldWaiting = 0
  #toldVersion = -1
  #cut = 0
  readonly #tokens = new Set<string>()
  #isSending = false
  #isUrgent = false
  #onSent: () => void = () => undefined
  #timer: NodeJS.Timeout | undefined

  constructor(deps: ReporterDeps) {
    this.#deps = deps
  }

  start(): void {
    this.#timer = setInterval(() => this.tell(), PERIOD_MS).unref()
  }

  /** Tells what is left; done when that is on its way. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.tell()
    const { promise, resolve } = Promise.withResolvers<void>()
    if (this.#isSending) this.#onSent = resolve
    else resolve()
    await promise
  }

  readonly connectionsCut = (count: number): void => {
    this.#cut += count
  }

  readonly tokenUsed = (id: string): void => {
    this.#tokens.add(id)
  }

  /** Tells what there is to tell, at once unless the last report is still on its way. */
  tell(): void {
    if (this.#isSending) {
      this.#isUrgent = true
      return
    }
    const report = this.#report()
    if (report === undefined) return
    this.#isSending = true
    this.#deps.send(report, () => {
      this.#isSending = false
      if (this.#isUrgent) {
        this.#isUrgent = false
        this.tell()
      }
      if (!this.#isSending) this.#onSent()
    })
  }

  #report(): Report | undefined {
    const { calls, version } = this.#deps
    const inflight = this.#changedInflight()
    const sums = calls.take()
    const isSame = this.#toldVersion === version() && this.#toldWaiting === calls.waiting && this.#cut === 0
    if (isSame && inflight.length === 0 && sums.length === 0 && this.#tokens.size === 0) return undefined
    const report: Report = {
      ...{ type: 'report', version: version(), inflight, calls: sums },
      ...{ waiting: calls.waiting, connectionsCut: this.#cut, tokens: [...this.#tokens] }
    }
    this.#toldVersion = report.version
    this.#toldWaiting = report.waiting
    this.#cut = 0
    this.#tokens.clear()
    return report
  }

  #changedInflight(): Report['inflight'] {
    const now = this.#deps.inflight.own()
    const changed = [...now].filter(([id, count]) => this.#told.get(id) !== count)
    for (const id of this.#told.keys()) if (!now.has(id)) changed.push([id, 0])
    this.#told = new Map(now)
    return changed
  }
}
