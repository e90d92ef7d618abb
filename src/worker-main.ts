import './left-out.ts'
import { isatty } from 'node:tty'
import { beginLoading, endLoading } from './runtime/loading.ts'
import type { FromWorker, ToWorker } from './workers/protocol.ts'

/** A worker process. The controller's process starts it, tells it everything, and ends it. */

const STDOUT = 1
/** Behind the three of every process, and the channel. */
const PORT = 4

process.title = 'docker-faas worker'
let isAsked = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // A terminal and some supervisors signal the whole group: the controller says when to end, unless somebody insists.
  process.on(signal, () => {
    if (isAsked) process.exit(1)
    isAsked = true
  })
}

beginLoading()
const { Worker } = await import('./assembly/worker.ts')
const { settleHeap } = await import('./runtime/settle-heap.ts')

let worker: InstanceType<typeof Worker> | undefined
let ending: Promise<void> | undefined

process.on('message', (message: ToWorker) => {
  if (message.type === 'stop') void end()
  else if (message.type !== 'start') worker?.take(message)
  else {
    process.title = `docker-faas worker ${message.worker}`
    worker = new Worker(message, { send, port: PORT, isTerminal: isatty(STDOUT) })
    settleHeap()
    endLoading()
    void worker.start()
  }
})
// The controller is gone: calls may end, and nobody is left to take care of anything else.
process.on('disconnect', () => void end())
send({ type: 'loaded' })

function send(message: FromWorker, sent: () => void = () => undefined): void {
  // NOTE: the channel may close between the question and the message; that ends this process anyway.
  if (process.connected) process.send?.(message, undefined, undefined, () => sent())
  else sent()
}

async function end(): Promise<void> {
  ending ??= worker?.stop() ?? Promise.resolve()
  await ending
  process.exit(0)
}
