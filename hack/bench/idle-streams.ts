import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { BenchGateway } from './bench-gateway.ts'
import type { IdleStreams } from './data-plane-result.ts'
import { familyOf, rssKiB } from './proc.ts'
import type { StreamOrder } from './stream-clients.ts'

const FUNCTION = 'streams'
/** A replica takes a thousand calls at once. */
const STREAMS_PER_REPLICA = 900

/** What idle event streams weigh in all of the gateway's processes; `restMs`: how long they are left alone before a look. */
export async function measureIdleStreams(
  gateway: BenchGateway,
  { image, streams, restMs }: { readonly image: string; readonly streams: number; readonly restMs: number }
): Promise<IdleStreams> {
  await gateway.deploy(FUNCTION, image, Math.ceil(streams / STREAMS_PER_REPLICA))
  const pids = familyOf(gateway.pid)
  await delay(restMs)
  const rssKiBBefore = rssKiB(pids)
  const clients = fork(join(import.meta.dirname, 'stream-clients.ts'), { execArgv: [] })
  const ended = once(clients, 'exit').then(([code]) => {
    throw new Error(`the clients of streams ended with ${code}`)
  })
  ended.catch(() => undefined) // they are killed at the end
  const { authorization, url } = gateway
  const port = Number(new URL(url).port)
  clients.send({ port, path: `${gateway.pathOf(FUNCTION)}/events`, authorization, streams } satisfies StreamOrder)
  try {
    await Promise.race([once(clients, 'message'), ended])
    await Promise.race([delay(restMs), ended])
    const after = rssKiB(pids)
    const rssKiBPerStream = Number(((after - rssKiBBefore) / streams).toFixed(1))
    return { streams, rssKiBBefore, rssKiB: after, rssKiBPerStream }
  } finally {
    clients.kill('SIGKILL')
  }
}
