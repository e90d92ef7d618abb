import type { AuditDraft, AuditEntry, AuditMark, AuditSubject } from '../../api/audit.ts'

/** Which rows. */
export interface AuditFilter {
  /** RFC 3339, both: from then on, and before then. */
  readonly since?: string
  readonly until?: string
  readonly actor?: string
  readonly kind?: string
  readonly namespace?: string
  readonly name?: string
  /** Older than this row. */
  readonly before?: number
  readonly limit: number
}

/** Somebody's doing that is under way. At most one row comes of it. */
export interface AuditScope {
  /** The row for this change, which is about to be committed. */
  readonly toDraft: (subject: AuditSubject) => AuditDraft
  /** The row, once it is on the disk. */
  written?: AuditEntry
}

/** Who changed what. Rows are chained, and never changed. */
export interface AuditStore {
  /** Runs `work`; the first transaction in it that changes what is wanted carries the row of the scope, so that both or none are kept. */
  run: <T>(scope: AuditScope, work: () => Promise<T>) => Promise<T>
  /** Writes a row for what no transaction carried. */
  append: (draft: AuditDraft) => Promise<AuditEntry>
  /** Newest first. */
  list: (filter: AuditFilter) => Promise<AuditEntry[]>
  /** The newest row; undefined when there was never one. */
  head: () => Promise<AuditMark | undefined>
  /** The `mac` of a row; undefined when it is not there. */
  macOf: (id: number) => Promise<string | undefined>
  /**
   * Removes rows from before `until` (RFC 3339), and all but the newest `maxRows`; gives how many went. Rows among them that
   * are not as they were written leave a row that says so.
   */
  prune: (until: string, maxRows: number) => Promise<number>
  /** Calls `listener` with each row after its commit. */
  onAppended: (listener: (entry: AuditEntry) => void) => void
}
