import type { AuditDraft } from '../../api/audit.ts'

/** The verb of the row that a gateway writes when it finds that rows are not there, or not as they were written. */
export const AUDIT_BREAK = 'audit break'

/** The row that says what was found. */
export function breakDraft(detail: string): AuditDraft {
  return {
    ...{ actorKind: 'gateway', actor: '', address: '', userAgent: '', verb: AUDIT_BREAK, requestId: '' },
    ...{ kind: 'audit', namespace: '', name: '', outcome: 'failed', status: 0, count: 1, detail }
  }
}
