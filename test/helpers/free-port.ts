import { createServer } from 'node:net'
import { addresses } from './addresses.ts'

/** A port of 127.0.0.1 that nobody listens on, and that neither the kernel nor another process of tests takes. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = addresses.port()
    if (await isFree(port)) return port
  }
  throw new Error('somebody listens on each of the ports of this process')
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
