import { Counter, type Registry } from 'prom-client'

const REASONS = ['credentials', 'source', 'account', 'busy'] as const

/** Credentials that were not taken. */
export interface AuthMetrics {
  readonly credentialsRefused: (reason: (typeof REASONS)[number]) => void
}

export function createAuthMetrics(registry: Registry): AuthMetrics {
  const refused = new Counter({
    name: 'faas_auth_refused_total',
    help:
      'Requests whose credentials were not taken: wrong (credentials), wrong too often from their address (source), while the ' +
      "administrator's password is guessed from many addresses (account), or with too many others at once (busy)",
    labelNames: ['reason'],
    registers: [registry]
  })
  for (const reason of REASONS) refused.inc({ reason }, 0)
  return { credentialsRefused: reason => refused.inc({ reason }) }
}
