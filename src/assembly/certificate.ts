import { systemClock, toTimestamp } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { ConfigError } from '../config/load.ts'
import { FileWatch } from '../engine/file-watch.ts'
import { type Certificate, CertificateError, type CertificateFiles, readCertificate } from '../http/certificate.ts'
import type { Logger } from '../logging/logger.ts'
import type { Metrics } from '../metrics/metrics.ts'

interface CertificateDeps {
  readonly metrics: Pick<Metrics, 'setCertificateExpiry' | 'certificateRefused'>
  readonly log: Logger
  /** How often the files are looked at. */
  readonly intervalMs?: number
}

/**
 * The certificate of the gateway's port, as its files have it: read again when one of them changes, also by a rename or
 * by another target of a symbolic link. A pair that does not fit leaves the old one in use.
 */
export class ServedCertificate {
  readonly #files: CertificateFiles
  readonly #deps: CertificateDeps
  readonly #watches: readonly FileWatch[]
  #current: Certificate
  #use: (certificate: Certificate) => void = () => undefined
  #reading: Promise<void> = Promise.resolve()
  readonly #onChange = () => {
    // One after the other: the last to be used is what was read last.
    this.#reading = this.#reading.then(() => this.#reload())
  }

  constructor(files: CertificateFiles, first: Certificate, deps: CertificateDeps) {
    this.#files = files
    this.#deps = deps
    this.#current = first
    const paths = [files.certFile, files.keyFile]
    this.#watches = paths.map(path => new FileWatch(path, this.#onChange, deps.intervalMs))
    this.#note(first)
  }

  get current(): Certificate {
    return this.#current
  }

  /** Calls `use` with each certificate that takes the place of the one in use. */
  onReplaced(use: (certificate: Certificate) => void): void {
    this.#use = use
  }

  start(): void {
    for (const watch of this.#watches) watch.start()
    this.#onChange() // it may have changed since it was read
  }

  async stop(): Promise<void> {
    for (const watch of this.#watches) watch.stop()
    await this.#reading
  }

  async #reload(): Promise<void> {
    const { log, metrics } = this.#deps
    try {
      const next = await readCertificate(this.#files)
      if (next.fingerprint === this.#current.fingerprint && next.key === this.#current.key) return
      this.#use(next)
      this.#current = next
      this.#note(next)
      log.info(describe(next), 'Changed certificate')
    } catch (err) {
      metrics.certificateRefused()
      log.warn({ err, ...describe(this.#current) }, 'Kept certificate: the new one cannot be used')
    }
  }

  #note(certificate: Certificate): void {
    this.#deps.metrics.setCertificateExpiry(certificate.expiresAt)
    if (certificate.expiresAt <= systemClock.now()) {
      this.#deps.log.warn(describe(certificate), 'Certificate has expired')
    }
  }
}

/** The certificate of `TLS_CERT_FILE` and `TLS_KEY_FILE`; undefined without them. Throws `ConfigError` that names the variable. */
export async function assembleCertificate(
  { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile }: Config,
  deps: CertificateDeps
): Promise<ServedCertificate | undefined> {
  if (certFile === '') return undefined
  const files = { certFile, keyFile }
  try {
    return new ServedCertificate(files, await readCertificate(files), deps)
  } catch (err) {
    if (!(err instanceof CertificateError)) throw err
    const message = `cannot be used: ${err.message}`
    throw new ConfigError([{ variable: err.variable, message }], { cause: err })
  }
}

function describe({ expiresAt, fingerprint, names }: Certificate): object {
  return { names, fingerprint, expires: toTimestamp(expiresAt) }
}
