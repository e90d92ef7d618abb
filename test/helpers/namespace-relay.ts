/**
 * Runs inside a network namespace: `node namespace-relay.ts SOCKET`. Who connects to the unix socket writes
 * `host port\n`, and is connected to that from then on.
 */
import { connect, createServer, type Socket } from 'node:net'

const [path = ''] = process.argv.slice(2)

createServer(client => {
  client.on('error', () => client.destroy())
  client.once('data', (first: Buffer) => onAddress(client, first))
}).listen(path, () => process.stdout.write('ready\n'))

function onAddress(client: Socket, first: Buffer): void {
  client.pause()
  const end = first.indexOf('\n')
  const [host = '', port = ''] = first.subarray(0, end).toString().split(' ')
  const target = connect(Number(port), host)
  // Half-closed is half-closed on the other side too, and a reset is a reset.
  client.on('error', () => target.resetAndDestroy())
  target.on('error', () => client.destroy())
  target.on('close', () => client.destroy())
  client.on('close', () => target.destroy())
  target.write(first.subarray(end + 1))
  client.pipe(target)
  target.pipe(client)
}
