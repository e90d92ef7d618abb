import type { Config } from '../config/config.ts'

/** URL of the gateway of this configuration, as this machine or container reaches it. */
export function ownUrl({ GATEWAY_ADDRESS: address, GATEWAY_PORT: port, TLS_CERT_FILE }: Config): string {
  return `${TLS_CERT_FILE === '' ? 'http' : 'https'}://${hostOf(address)}:${port}`
}

/** An address to listen on, as one to connect to. */
function hostOf(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1'
  return address === '::' ? '[::1]' : address.includes(':') ? `[${address}]` : address
}
