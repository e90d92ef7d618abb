import type { AddressInfo, Server } from 'node:net'

/** The port that the server listens on; 0 before it does. */
export function portOf(server: Server): number {
  return (server.address() as AddressInfo | null)?.port ?? 0
}

/** Done when the server listens. Rejects with the variable to set when somebody else has the port. */
export function listen(server: Server, port: number, host: string, variable: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (err: NodeJS.ErrnoException) => {
      const isTaken = err.code === 'EADDRINUSE'
      reject(isTaken ? new Error(`port ${port} is taken; set ${variable} to another one`, { cause: err }) : err)
    }
    server.once('error', refuse)
    server.listen(port, host, () => {
      server.off('error', refuse)
      resolve()
    })
  })
}
