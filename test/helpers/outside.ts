import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { NetNamespace } from './net-namespace.ts'
import type { PrivateEngine } from './private-engine.ts'

/** An address of the internet, and the one at which clouds tell credentials to whoever asks. */
export const OUTSIDE = '203.0.113.9'
export const METADATA = '169.254.169.254'

const LISTEN = `
const { createServer } = require('node:net')
const places = process.argv.slice(1).map(place => place.split(':'))
Promise.all(places.map(([host, port]) => new Promise(resolve => {
  createServer(socket => socket.on('error', () => socket.destroy()).end('hello\\n')).listen(Number(port), host, resolve)
}))).then(() => console.log('ready'))
`

/** Starts a program in the namespace that listens on each `host:port`, and answers whoever connects. */
export async function listenIn(namespace: NetNamespace, ...places: string[]): Promise<ChildProcess> {
  const child = namespace.spawn(process.execPath, ['-e', LISTEN, ...places], { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise<void>((resolve, reject) => {
    child.once('exit', code => reject(new Error(`the listener ended with code ${code}`)))
    child.stdout?.once('data', () => resolve())
  })
  return child
}

/**
 * What lies beyond the host of a private engine: a network namespace that it is connected to, with an address of the
 * internet and that of the metadata, on which ports 80 take connections.
 */
export async function openOutside(engine: PrivateEngine): Promise<NetNamespace> {
  const outside = new NetNamespace(`${engine.namespace.name}-out`, join(engine.directory, 'outside'))
  await outside.open()
  const ip = (...args: string[]) => engine.namespace.run('ip', args)
  ip('link', 'add', 'near', 'type', 'veth', 'peer', 'name', 'far', 'netns', outside.name)
  ip('addr', 'add', '192.0.2.1/24', 'dev', 'near')
  ip('link', 'set', 'near', 'up')
  outside.run('ip', ['addr', 'add', '192.0.2.2/24', 'dev', 'far'])
  outside.run('ip', ['link', 'set', 'far', 'up'])
  for (const address of [OUTSIDE, METADATA]) {
    outside.run('ip', ['addr', 'add', `${address}/32`, 'dev', 'lo'])
    ip('route', 'add', `${address}/32`, 'via', '192.0.2.2')
  }
  await listenIn(outside, `${OUTSIDE}:80`, `${METADATA}:80`)
  return outside
}
