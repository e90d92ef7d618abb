import type { ChildProcess } from 'node:child_process'
import type { ProxyDeps } from '../gateway/proxy-deps.ts'
import type { WorkerMetrics } from '../metrics/workers.ts'
import { CallLedger } from './call-sums.ts'
import type { IdentityDesk } from './identity-desk.ts'
import type { FromWorker, Report, Start, ToWorker } from './protocol.ts'
import type { RemoteInflight } from './remote-inflight.ts'
import type { TableFeed } from './table-feed.ts'
import type { TableVersions } from './table-versions.ts'

export interface WorkerLinkDeps extends Pick<ProxyDeps, 'isPending' | 'onWake' | 'onUnreachable'> {
  readonly table: TableVersions
  readonly inflight: RemoteInflight
  readonly identity: IdentityDesk
  readonly calls: ProxyDeps['metrics']
  readonly connectionsCut: (count: number) => void
  readonly stalled: () => void
  /** How many calls wait for an endpoint in this worker now. */
  readonly onWaiting: (worker: number, count: number) => void
  readonly metrics: WorkerMetrics
  /** What it begins with, but for the table. */
  readonly start: (worker: number) => Omit<Start, 'table'>
}

/** The controller's end of one worker process: what it asks is answered, and what it tells is added up. */
export class WorkerLink {
  readonly worker: number
  /** Done when it takes connections; never rejects. */
  readonly listening: Promise<void>
  readonly #deps: WorkerLinkDeps
  readonly #child: ChildProcess
  readonly #feed: TableFeed
  readonly #ledger: CallLedger
  #onListening: () => void = () => undefined

  constructor(worker: number, child: ChildProcess, deps: WorkerLinkDeps) {
    this.worker = worker
    this.#deps = deps
    this.#child = child
    this.#ledger = new CallLedger(deps.calls)
    this.#feed = deps.table.open(change => this.send(change))
    this.listening = new Promise(resolve => {
      this.#onListening = resolve
    })
    child.on('message', message => this.#take(message as FromWorker))
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** No effect when it is gone. */
  send(message: ToWorker): void {
    // One that has just died is noticed by its exit.
    if (this.#child.connected) this.#child.send(message, () => undefined)
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  /** It is gone: what it had under way is over. */
  close(): void {
    const { table, inflight, onWaiting, metrics } = this.#deps
    table.close(this.#feed)
    inflight.detach(this.worker)
    this.#ledger.close()
    onWaiting(this.worker, 0)
    metrics.workerGone(this.worker)
  }

  #take(message: FromWorker): void {
    const { isPending, onWake, onUnreachable, metrics } = this.#deps
    switch (message.type) {
      case 'loaded':
        this.#begin()
        break
      case 'listening':
        this.#onListening()
        break
      case 'report':
        this.#add(message)
        break
      case 'ask':
        this.send({ type: 'pending', answers: message.keys.map(key => [key, isPending(key)]) })
        break
      case 'wake':
        onWake(message.key)
        break
      case 'unreachable':
        onUnreachable(message.key, message.containerId)
        break
      case 'verify':
        void this.#verify(message.id, message.header, message.address)
        break
      case 'usage':
        metrics.workerUsed(this.worker, message)
        break
      case 'stalled':
        this.#deps.stalled()
        break
      default:
        message satisfies never
    }
  }

  #begin(): void {
    // From the tick on in which it is told the table.
    this.#deps.inflight.attach(this.worker)
    this.send({ ...this.#deps.start(this.worker), table: this.#feed.whole() })
  }

  #add({ version, inflight, calls, waiting, connectionsCut, tokens }: Report): void {
    this.#ledger.add(calls)
    this.#deps.inflight.report(this.worker, version, inflight)
    this.#deps.onWaiting(this.worker, waiting)
    this.#deps.identity.used(tokens)
    if (connectionsCut > 0) this.#deps.connectionsCut(connectionsCut)
    this.#feed.taken(version)
  }

  async #verify(id: number, header: string, address: string): Promise<void> {
    this.send({ type: 'verdict', id, verdict: await this.#deps.identity.verify(header, address) })
  }
}
