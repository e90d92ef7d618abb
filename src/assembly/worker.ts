import { systemClock } from '../clock.ts'
import { ClosedNetworks } from '../engine/closed-networks.ts'
import { BRIDGE_PREFIX } from '../engine/firewall-rules.ts'
import { EndpointTable } from '../gateway/endpoints.ts'
import { Inflight } from '../gateway/inflight.ts'
import { createLogger, type Logger } from '../logging/logger.ts'
import { Rejections } from '../runtime/rejections.ts'
import { Watchdog } from '../runtime/watchdog.ts'
import { ApiRelay } from '../workers/api-relay.ts'
import { CallSummer } from '../workers/call-sums.ts'
import { PendingAsks } from '../workers/pending-asks.ts'
import type { FromWorker, Start, ToWorker } from '../workers/protocol.ts'
import { beatMs } from '../workers/pulse.ts'
import { RelayedAuthenticator } from '../workers/relayed-authenticator.ts'
import { Reporter } from '../workers/reporter.ts'
import { TableCopy } from '../workers/table-copy.ts'
import { Front } from './front.ts'

/** The worker's end of what it shares with the controller. */
export interface Channel {
  /** `sent` is called when there is room for more, or nobody to tell. */
  readonly send: (message: FromWorker, sent?: () => void) => void
  /** File descriptor of the bound port. */
  readonly port: number
  readonly isTerminal: boolean
}

/** A worker between start and stop: the data plane, with messages in the place of the rest of the program. */
export class Worker {
  readonly #channel: Channel
  readonly #front: Front
  readonly #copy: TableCopy
  readonly #asks: PendingAsks
  readonly #authenticator: RelayedAuthenticator
  readonly #closedNetworks = new ClosedNetworks()
  readonly #relay: ApiRelay
  readonly #reporter: Reporter
  readonly #watchdog: Watchdog
  readonly #rejections: Rejections
  readonly #log: Logger
  readonly #hangMs: number
  #usage: NodeJS.Timeout | undefined

  constructor(start: Start, channel: Channel) {
    const { worker, config, certificate, apiSocket, hasPassword } = start
    this.#channel = channel
    this.#hangMs = config.WORKER_HANG_TIMEOUT
    const { send } = channel
    const colour = channel.isTerminal && config.NO_COLOR === false
    this.#log = createLogger({ level: config.LOG_LEVEL, format: config.LOG_FORMAT, colour }).child({ worker })
    const table = new EndpointTable()
    const inflight = new Inflight()
    const calls = new CallSummer()
    this.#reporter = new Reporter({
      ...{ inflight, calls, version: () => this.#copy.version },
      send: (report, sent) => send(report, sent)
    })
    const place = { worker, of: config.GATEWAY_WORKERS }
    this.#copy = new TableCopy(table, inflight, place, () => this.#reporter.tell())
    this.#asks = new PendingAsks(
      keys => send({ type: 'ask', keys }),
      key => this.#front.wake(key)
    )
    this.#authenticator = new RelayedAuthenticator({
      ...{ enabled: config.AUTH_ENABLED, user: config.AUTH_USER, hasPassword },
      ask: (id, header, address) => send({ type: 'verify', id, header, address }),
      onUsed: this.#reporter.tokenUsed,
      clock: systemClock
    })
    this.#relay = new ApiRelay(apiSocket)
    this.#front = new Front({
      ...{ config, table, inflight, certificate, closedNetworks: this.#closedNetworks, log: this.#log },
      ...{ api: this.#relay.handle, authenticator: this.#authenticator, isPending: this.#asks.isPending },
      ...{ metrics: calls.metrics, connectionsCut: this.#reporter.connectionsCut },
      onWake: key => send({ type: 'wake', key }),
      onUnreachable: (key, containerId) => send({ type: 'unreachable', key, containerId })
    })
    this.#rejections = new Rejections({ log: this.#log, onRejection: () => undefined })
    this.#watchdog = new Watchdog({ clock: systemClock, log: this.#log, onStall: () => send({ type: 'stalled' }) })
    this.#close(start.closedSubnets)
    this.#copy.apply(start.table)
  }

  /** Done when it takes connections. */
  async start(): Promise<void> {
    await this.#front.listenOn(this.#channel.port)
    // One that cannot listen ends, and another takes its place.
    this.#rejections.start()
    this.#reporter.start()
    this.#watchdog.start()
    this.#tellUsage()
    // Also when nothing else is to be told: it says that this process gets to run.
    this.#usage = setInterval(() => this.#tellUsage(), beatMs(this.#hangMs)).unref()
    this.#reporter.tell()
    this.#channel.send({ type: 'listening' })
  }

  /** Does what the controller says. */
  take(message: Exclude<ToWorker, Start | { type: 'stop' }>): void {
    switch (message.type) {
      case 'table':
        this.#copy.apply(message)
        this.#reporter.tell()
        break
      case 'pending':
        this.#asks.answered(message.answers)
        break
      case 'verdict':
        this.#authenticator.answered(message.id, message.verdict)
        break
      case 'ended':
        this.#authenticator.ended(message.tokens)
        this.#front.endTokens(message.tokens)
        break
      case 'closed-networks':
        this.#close(message.subnets)
        break
      case 'certificate':
        this.#front.useCertificate(message.certificate)
        break
      default:
        message satisfies never
    }
  }

  /** Takes no new connections, and lets calls end. */
  async stop(): Promise<void> {
    await this.#front.stop()
    this.#watchdog.stop()
    this.#rejections.stop()
    clearInterval(this.#usage)
    await this.#reporter.stop()
    this.#relay.close()
    this.#log.debug('Stopped worker')
  }

  #close(subnets: readonly string[]): void {
    this.#closedNetworks.listing()([{ subnets, closedBridge: BRIDGE_PREFIX.none }])
  }

  #tellUsage(): void {
    const { user, system } = process.cpuUsage()
    const residentBytes = process.memoryUsage.rss()
    this.#channel.send({ type: 'usage', residentBytes, cpuSeconds: (user + system) / 1e6 })
  }
}
