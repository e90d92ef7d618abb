import type { AuditEntry, AuditMark } from '../../api/audit.ts'
import { systemClock, toTimestamp } from '../clock.ts'
import type { Config } from '../config/config.ts'
import type { Logger } from '../logging/logger.ts'
import type { AuditMetrics } from '../metrics/audit.ts'
import type { Component } from '../runtime/manager.ts'
import { AUDIT_BREAK, breakDraft } from '../store/audit-break.ts'
import type { AuditStore } from '../store/audit-store.ts'
import { auditHeadPath, readAuditHead, writeAuditHead } from './audit-head.ts'

export interface AuditDeps {
  readonly config: Config
  readonly audit: AuditStore
  readonly key: Uint8Array
  readonly metrics: AuditMetrics
  readonly log: Logger
}

const PRUNE_INTERVAL_MS = 3_600_000
/** The file of the head may be so far behind the database. */
const HEAD_DELAY_MS = 1000

/** Tells of each row in the log and the metrics, keeps the file of the head, and removes what is older than `AUDIT_RETENTION`. */
export class AuditComponent implements Component {
  readonly name = 'audit'
  readonly #deps: AuditDeps
  readonly #path: string
  #pruning: NodeJS.Timeout | undefined
  #delay: NodeJS.Timeout | undefined
  #saving: Promise<void> = Promise.resolve()

  constructor(deps: AuditDeps) {
    this.#deps = deps
    this.#path = auditHeadPath(deps.config)
    deps.audit.onAppended(entry => this.#tell(entry))
  }

  async start(): Promise<void> {
    // Before this start writes a row itself: its clock is the one that is not trusted.
    const newest = await this.#newestAt()
    await this.#try('Failed to compare audit log with its file', () => this.#compare())
    await this.#prune(newest)
    this.#pruning = setInterval(() => void this.#newestAt().then(at => this.#prune(at)), PRUNE_INTERVAL_MS).unref()
  }

  async stop(): Promise<void> {
    clearInterval(this.#pruning)
    clearTimeout(this.#delay)
    await this.#save()
  }

  #tell(entry: AuditEntry): void {
    const { log, metrics } = this.#deps
    metrics.audited(entry.outcome)
    if (entry.verb === AUDIT_BREAK) metrics.auditBroken()
    log.info({ audit: entry }, 'Audited')
    this.#delay ??= setTimeout(() => {
      this.#delay = undefined
      void this.#save()
    }, HEAD_DELAY_MS).unref()
  }

  /** Notes in the log itself when it does not hold what the file knows of. */
  async #compare(): Promise<void> {
    const { audit, key, log } = this.#deps
    const known = await readAuditHead(this.#path, key)
    if (known === undefined) return
    const head = await audit.head()
    if (await this.#holds(known, head)) return
    const detail = `rows up to ${known.id} (${known.mac}) were known, and the log ends with row ${head?.id ?? 0}`
    log.error({ detail }, 'Found audit log cut off, or restored from a backup')
    await audit.append(breakDraft(detail))
  }

  async #holds(known: AuditMark, head: AuditMark | undefined): Promise<boolean> {
    if (head === undefined || known.id > head.id) return false
    const mac = await this.#deps.audit.macOf(known.id)
    // One that is not there was removed for its age, which leaves the rows after it.
    return mac === undefined || mac === known.mac
  }

  /** When the newest row was written, milliseconds since the epoch; undefined when there is none, or it cannot be read. */
  async #newestAt(): Promise<number | undefined> {
    const found: number[] = []
    await this.#try('Failed to read newest row of the audit log', async () => {
      for (const { at } of await this.#deps.audit.list({ limit: 1 })) found.push(Date.parse(at))
    })
    return found[0]
  }

  /** Ages count from the newest row at the latest, so that a clock which is far ahead does not make all rows old. */
  #prune(newestAt = Number.POSITIVE_INFINITY): Promise<void> {
    const { audit, config, log } = this.#deps
    return this.#try('Failed to remove old rows of the audit log', async () => {
      const until = toTimestamp(Math.min(systemClock.now(), newestAt) - config.AUDIT_RETENTION)
      const count = await audit.prune(until, config.AUDIT_MAX_ROWS)
      if (count > 0) log.info({ count }, 'Removed old rows of the audit log')
    })
  }

  /** One after the other, so that the newest is what stays. */
  #save(): Promise<void> {
    this.#saving = this.#saving.then(() =>
      this.#try('Failed to write file of the audit log', async () => {
        const head = await this.#deps.audit.head()
        if (head !== undefined) await writeAuditHead(this.#path, head)
      })
    )
    return this.#saving
  }

  async #try(message: string, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (err) {
      this.#deps.log.warn({ err }, message)
    }
  }
}
