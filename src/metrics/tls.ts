import { Counter, Gauge, type Registry } from 'prom-client'

/** The certificate of the gateway's port. */
export interface TlsMetrics {
  /** When the certificate in use expires: milliseconds since the epoch. */
  readonly setCertificateExpiry: (expiresAt: number) => void
  /** A changed certificate or key could not be used, and the old pair stays. */
  readonly certificateRefused: () => void
}

export function createTlsMetrics(registry: Registry): TlsMetrics {
  const registers = [registry]
  const expiry = new Gauge({
    ...{ name: 'docker_faas_tls_certificate_expiry_timestamp_seconds', registers },
    help: 'When the certificate in use expires, in seconds since 1970; absent without TLS'
  })
  const refused = new Counter({
    ...{ name: 'docker_faas_tls_certificate_refused_total', registers },
    help: 'Times that a changed certificate or key could not be used'
  })
  // An alert on the time that is left must not fire where there is no certificate.
  expiry.remove()
  return {
    setCertificateExpiry: expiresAt => expiry.set(expiresAt / 1000),
    certificateRefused: () => refused.inc()
  }
}
