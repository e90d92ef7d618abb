import type { IncomingMessage } from 'node:http'

/** The other end of a client's connection. */
export interface Peer {
  readonly address: string
  /** Whether TLS is spoken with it. */
  readonly isEncrypted: boolean
}

const PEER = Symbol('peer')

type Connected = Pick<IncomingMessage, 'socket'> & { [PEER]?: Peer }

/** IP address of the other end of the client's connection; undefined when that is gone. */
export function peerAddressOf(req: Pick<IncomingMessage, 'socket'>): string | undefined {
  return (req as Connected)[PEER]?.address ?? req.socket.remoteAddress
}

/** Whether the client speaks TLS with the gateway. */
export function isEncrypted(req: Pick<IncomingMessage, 'socket'>): boolean {
  return (req as Connected)[PEER]?.isEncrypted ?? 'encrypted' in req.socket
}

/** Notes whose connection the request came over, when another process of the gateway has taken it and hands it on. */
export function setPeer(req: IncomingMessage, peer: Peer): void {
  ;(req as Connected)[PEER] = peer
}
