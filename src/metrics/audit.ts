import { Counter, type Registry } from 'prom-client'
import { AUDIT_OUTCOMES, type AuditOutcome } from '../../api/audit.ts'

export interface AuditMetrics {
  readonly audited: (outcome: AuditOutcome) => void
  /** A row could not be written. */
  readonly auditLost: () => void
  /** The newest rows that were known are not in the log. */
  readonly auditBroken: () => void
}

export function createAuditMetrics(registry: Registry): AuditMetrics {
  const registers = [registry]
  const rows = new Counter({
    ...{ name: 'docker_faas_audit_rows_total', help: 'Rows of the audit log by what came of it' },
    ...{ labelNames: ['outcome'], registers }
  })
  const lost = new Counter({
    name: 'docker_faas_audit_lost_total',
    help: 'Requests of which the audit log holds no row, as it could not be written',
    registers
  })
  const breaks = new Counter({
    name: 'docker_faas_audit_breaks_total',
    help: 'Times that the newest rows of the audit log were found to be gone',
    registers
  })
  for (const outcome of AUDIT_OUTCOMES) rows.inc({ outcome }, 0)
  return {
    audited: outcome => rows.inc({ outcome }),
    auditLost: () => lost.inc(),
    auditBroken: () => breaks.inc()
  }
}
