import type { IncomingMessage } from 'node:http'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import { text } from 'node:stream/consumers'
import type { Config } from '../config/config.ts'
import { http } from '../node-http.ts'

/** Where a gateway is, and what a connection needs to be taken for one to it. */
export interface Target {
  readonly url: string
  readonly tls: RequestOptions
}

export interface GatewayRequest {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: object
  /** After which the call is given up. */
  readonly timeoutMs: number
}

/** Of each command that asks a running gateway. */
export const GATEWAY_OPTION = [
  '--gateway <url>',
  'the gateway; that of GATEWAY_ADDRESS and GATEWAY_PORT when left out'
] as const

/** URL of the gateway of this configuration, as this machine or container reaches it. */
export function ownUrl({ GATEWAY_ADDRESS: address, GATEWAY_PORT: port, TLS_CERT_FILE }: Config): string {
  return `${TLS_CERT_FILE === '' ? 'http' : 'https'}://${hostOf(address)}:${port}`
}

/** The answer to one request, whatever it says. */
export function send(
  { url, tls }: Target,
  { method, path, headers = {}, body, timeoutMs }: GatewayRequest
): Promise<{ status: number; body: string }> {
  const request = url.startsWith('https:') ? httpsRequest : http.request
  const sent = body === undefined ? undefined : JSON.stringify(body)
  const length = sent === undefined ? {} : { 'content-length': Buffer.byteLength(sent) }
  return new Promise((resolve, reject) => {
    const options = { ...tls, method, headers: { ...headers, ...length }, signal: AbortSignal.timeout(timeoutMs) }
    const req = request(`${url}${path}`, options, (res: IncomingMessage) => {
      text(res).then(answer => resolve({ status: res.statusCode ?? 0, body: answer }), reject)
    })
    req.once('error', reject)
    req.end(sent)
  })
}

/** An address to listen on, as one to connect to. */
function hostOf(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1'
  return address === '::' ? '[::1]' : address.includes(':') ? `[${address}]` : address
}
