import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

export interface CertificateFiles {
  readonly certFile: string
  readonly keyFile: string
}

/** Makes a self-signed certificate for `name` and 127.0.0.1, good for a day from now, and its key. */
export function makeCertificate(folder: string, name: string): CertificateFiles {
  const files = { certFile: join(folder, `${name}.crt`), keyFile: join(folder, `${name}.key`) }
  const names = `subjectAltName=DNS:${name},IP:127.0.0.1`
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'],
      ...['-subj', `/CN=${name}`, '-addext', names, '-out', files.certFile, '-keyout', files.keyFile]
    ],
    { stdio: 'pipe' }
  )
  return files
}
