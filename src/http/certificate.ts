import { hash, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext, type SecureContextOptions } from 'node:tls'

/** A certificate with its chain, and the key that fits it, both PEM. */
export interface Certificate {
  readonly cert: string
  readonly key: string
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
  /** SHA-256 of the certificate that clients see, in hex. */
  readonly fingerprint: string
  /** The names it is for, as the certificate has them. */
  readonly names: string
}

export interface CertificateFiles {
  readonly certFile: string
  readonly keyFile: string
}

/** The files hold no certificate and key that fit each other. The message names the file, and nothing of what is in it. */
export class CertificateError extends Error {
  override name = 'CertificateError'
  readonly variable: 'TLS_CERT_FILE' | 'TLS_KEY_FILE'
  constructor(variable: CertificateError['variable'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.variable = variable
  }
}

/** What both files hold now. Throws `CertificateError`. */
export async function readCertificate({ certFile, keyFile }: CertificateFiles): Promise<Certificate> {
  const cert = await read('TLS_CERT_FILE', certFile)
  const key = await read('TLS_KEY_FILE', keyFile)
  const parsed = parse(cert, certFile)
  try {
    createSecureContext({ cert, key })
  } catch (err) {
    const problem = `${keyFile} holds no PEM key without a passphrase that fits the certificate in ${certFile}`
    throw new CertificateError('TLS_KEY_FILE', problem, { cause: err })
  }
  return {
    cert,
    key,
    expiresAt: Date.parse(parsed.validTo),
    fingerprint: hash('sha256', parsed.raw, 'hex'),
    names: parsed.subjectAltName ?? parsed.subject
  }
}

/** What a server speaks with it: TLS 1.2 or newer, and HTTP/1.1 in it. */
export function toSecureContext({ cert, key }: Certificate): SecureContextOptions {
  return { cert, key, minVersion: 'TLSv1.2' }
}

function parse(cert: string, certFile: string): X509Certificate {
  try {
    return new X509Certificate(cert)
  } catch (err) {
    throw new CertificateError('TLS_CERT_FILE', `${certFile} holds no PEM certificate`, { cause: err })
  }
}

async function read(variable: CertificateError['variable'], path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (err) {
    throw new CertificateError(variable, `${path} cannot be read`, { cause: err })
  }
}
