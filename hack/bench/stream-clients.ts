/** Clients of event streams, in a process of their own: opens so many, says when each has its first event, and keeps them open. */
import { connect } from 'node:net'

/** What the process is told, once. */
export interface StreamOrder {
  readonly port: number
  readonly path: string
  readonly authorization: string
  readonly streams: number
}

/** How many are being opened at once. */
const OPENING = 100

process.once('message', (order: StreamOrder) => {
  void open(order).then(() => process.send?.('open'))
})

async function open(order: StreamOrder): Promise<void> {
  let left = order.streams
  const lane = async () => {
    while (left-- > 0) await openOne(order)
  }
  await Promise.all(Array.from({ length: OPENING }, lane))
}

function openOne({ port, path, authorization }: StreamOrder): Promise<void> {
  return new Promise(resolve => {
    let text = ''
    const socket = connect(port, '127.0.0.1').on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      if (!text.startsWith('HTTP/1.1 200 ')) fail(text)
      if (text.includes('data: hello')) resolve()
    })
    socket.on('error', err => fail(err.message)).on('close', () => fail('a stream ended'))
    socket.write(`GET ${path} HTTP/1.1\r\nHost: bench\r\nAuthorization: ${authorization}\r\n\r\n`)
  })
}

function fail(why: string): never {
  console.error(why)
  process.exit(1)
}
