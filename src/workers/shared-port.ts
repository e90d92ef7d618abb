import * as net from 'node:net'

/** A port that is bound, and that nobody listens on by itself: workers do, by its file descriptor. */
export type SharedPort = net.BoundSocket

/** Whether this version of Node can bind a port for others: 26.4 and later can. */
export const CAN_SHARE: boolean = 'BoundSocket' in net

/**
 * Binds the port. It stays bound while workers come and go, so that connections wait meanwhile. Throws with the variable to set when
 * somebody else has the port.
 */
export function bindPort(host: string, port: number, variable: string): SharedPort {
  try {
    return new net.BoundSocket({ host, port })
  } catch (err) {
    const isTaken = (err as NodeJS.ErrnoException).code === 'EADDRINUSE'
    throw isTaken ? new Error(`port ${port} is taken; set ${variable} to another one`, { cause: err }) : err
  }
}
