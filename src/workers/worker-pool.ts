import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../clock.ts'
import type { Logger } from '../logging/logger.ts'
import type { WorkerMetrics } from '../metrics/workers.ts'
import { backoffMs } from '../runtime/backoff.ts'
import type { ToWorker } from './protocol.ts'
import { Pulse } from './pulse.ts'
import { WorkerLink, type WorkerLinkDeps } from './worker-link.ts'

export interface WorkerPoolDeps {
  readonly size: number
  /** File descriptor of the bound port. */
  readonly port: number
  /** `WORKER_HANG_TIMEOUT`, in ms. */
  readonly hangMs: number
  readonly link: WorkerLinkDeps
  /** What of this process's environment Node itself goes by. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly metrics: WorkerMetrics
  readonly log: Logger
  readonly clock: Pick<Clock, 'monotonic'>
  readonly random: () => number
}

const PROGRAM = new URL(import.meta.url.endsWith('.ts') ? '../worker-main.ts' : '../worker-main.js', import.meta.url)
/** One that has run for so long did not die of how it begins. */
const SOUND_MS = 10_000
const BACKOFF = { baseMs: 100, capMs: 30_000 }

/** The worker processes: as many as are wanted, each replaced when it ends. */
export class WorkerPool {
  readonly #deps: WorkerPoolDeps
  readonly #links = new Map<number, WorkerLink>()
  readonly #stopped = new AbortController()
  readonly #pulse: Pulse
  /** Done when no worker is left, after the stop. */
  readonly #running: Promise<void>[] = []

  constructor(deps: WorkerPoolDeps) {
    this.#deps = deps
    const { hangMs: timeoutMs, clock } = deps
    this.#pulse = new Pulse({ timeoutMs, clock, onHang: (worker, silentMs) => this.#killHung(worker, silentMs) })
  }

  /** Done when all take connections; rejects when one ends before it does. */
  async start(): Promise<void> {
    const first = Promise.withResolvers<never>()
    const workers = Array.from({ length: this.#deps.size }, (_, i) => i + 1)
    const begun = workers.map(worker => {
      const { link, ended } = this.#spawn(worker)
      void ended.then(how => first.reject(new Error(`worker ${worker} ended before it listened: ${how}`)))
      this.#running.push(this.#keep(worker, ended))
      return link.listening
    })
    first.promise.catch(() => undefined) // who waits for the workers is told
    await Promise.race([Promise.all(begun), first.promise])
    this.#pulse.start()
  }

  /** Tells all that run. */
  send(message: ToWorker): void {
    for (const link of this.#links.values()) link.send(message)
  }

  /** Lets the workers end when their calls have; kills those that have not after `deadlineMs`. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopped.abort()
    this.#pulse.stop()
    this.send({ type: 'stop' })
    const timer = setTimeout(() => {
      for (const link of this.#links.values()) link.kill()
    }, deadlineMs)
    await Promise.all(this.#running)
    clearTimeout(timer)
  }

  /** Replaces a worker whenever it has ended, until the stop. */
  async #keep(worker: number, first: Promise<string>): Promise<void> {
    const { clock, log, metrics, random } = this.#deps
    const { signal } = this.#stopped
    let ended = first
    let failures = 0
    for (;;) {
      const startedAt = clock.monotonic()
      const how = await ended
      if (signal.aborted) return
      failures = clock.monotonic() - startedAt > SOUND_MS ? 0 : failures + 1
      const afterMs = failures <= 1 ? 0 : Math.round(backoffMs(failures - 2, BACKOFF, random))
      metrics.workerReplaced()
      log.warn({ worker, how, afterMs }, 'Replaced worker that ended')
      await sleep(afterMs, undefined, { signal }).catch(() => undefined) // told to stop
      if (signal.aborted) return
      ended = this.#spawn(worker).ended
    }
  }

  /** Its calls are lost to it already; a connection that it would take is, too. */
  #killHung(worker: number, silentMs: number): void {
    const { log, metrics } = this.#deps
    metrics.workerHung()
    log.error({ worker, silentMs }, 'Killed worker that hung')
    this.#links.get(worker)?.kill()
  }

  #spawn(worker: number): { link: WorkerLink; ended: Promise<string> } {
    const { port, link: linkDeps, env, log, metrics } = this.#deps
    const options = process.execArgv.filter(option => !option.startsWith('--inspect'))
    const child = spawn(process.execPath, [...options, PROGRAM.pathname], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', port],
      env: forNode(env)
    })
    const link = new WorkerLink(worker, child, linkDeps)
    this.#links.set(worker, link)
    void link.listening.then(() => this.#links.get(worker) === link && this.#pulse.follow(worker))
    child.on('message', () => this.#pulse.heard(worker))
    metrics.workerStarted(worker)
    log.debug({ worker, workerPid: child.pid }, 'Started worker')
    const ended = endOf(child).then(how => {
      link.close()
      this.#pulse.forget(worker)
      this.#links.delete(worker)
      return how
    })
    return { link, ended }
  }
}

/** Secrets are told to nobody, and a worker reads no configuration. */
function forNode(env: WorkerPoolDeps['env']): Record<string, string> {
  const known = Object.entries(env).filter(
    ([name]) => name === 'TZ' || (name.startsWith('NODE_') && name !== 'NODE_CHANNEL_FD')
  )
  return Object.fromEntries(known.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))
}

/** How it ended, in words. */
function endOf(child: ChildProcess): Promise<string> {
  return new Promise(resolve => {
    child.once('exit', (code, signal) => {
      const how = signal ?? `code ${code}`
      // What it told before its end is read first.
      if (child.connected) child.once('disconnect', () => resolve(how))
      else resolve(how)
    })
    child.once('error', err => child.pid === undefined && resolve(err.message))
  })
}
