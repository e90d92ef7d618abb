/**
 * What the data plane costs: calls of a trivial node server in a child process, direct and through the proxy in this process.
 * Prints one line of JSON. `node hack/bench/data-plane.ts [seconds] [connections]`; with `--cpu-prof` it writes a profile.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../src/clock.ts'
import { EndpointTable } from '../../src/gateway/endpoints.ts'
import { Inflight } from '../../src/gateway/inflight.ts'
import { createProxy } from '../../src/gateway/proxy.ts'

const ROLES = { replica: runReplica, load: runLoad }
const REQUEST = Buffer.from('GET /bench HTTP/1.1\r\nHost: fn.example\r\nAccept: */*\r\nUser-Agent: bench\r\n\r\n')

interface LoadOrder {
  readonly port: number
  readonly seconds: number
  readonly connections: number
}

interface LoadResult {
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly errors: number
  readonly requests: number
}

/** The function: answers 13 bytes. */
function runReplica(): void {
  const body = Buffer.from('Hello, World!')
  const server = http.createServer({ keepAliveTimeout: 5_000 }, (_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': body.length }).end(body)
  })
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
}

/** The clients: raw sockets, one call at a time on each, so that they cost little beside what they measure. */
function runLoad(): void {
  process.on('message', (order: LoadOrder) => {
    void load(order).then(result => process.send?.(result))
  })
  process.send?.('ready')
}

async function load({ port, seconds, connections }: LoadOrder): Promise<LoadResult> {
  const latencies: number[] = []
  const until = performance.now() + seconds * 1000
  let errors = 0
  const client = (): Promise<void> =>
    new Promise(resolve => {
      const socket = net.connect(port, '127.0.0.1').setNoDelay(true)
      let at = 0
      const next = () => {
        at = performance.now()
        if (at >= until) socket.destroy()
        else socket.write(REQUEST)
      }
      socket.on('connect', next).on('close', () => resolve())
      socket.on('error', () => errors++)
      // The answer is short enough to arrive in one piece.
      socket.on('data', chunk => {
        if (!chunk.toString('latin1', 0, 15).startsWith('HTTP/1.1 200')) errors++
        latencies.push(performance.now() - at)
        next()
      })
    })
  await Promise.all(Array.from({ length: connections }, client))
  latencies.sort((a, b) => a - b)
  const quantile = (q: number) => Number((latencies[Math.floor(latencies.length * q)] ?? 0).toFixed(3))
  return {
    requestsPerSecond: Math.round(latencies.length / seconds),
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    errors,
    requests: latencies.length
  }
}

async function main(): Promise<void> {
  const [seconds = 5, connections = 32] = process.argv.slice(2).map(Number)
  const replica = start('replica')
  const [port] = (await once(replica, 'message')) as [number]
  const loader = start('load')
  await once(loader, 'message')

  const table = new EndpointTable()
  table.put({ key: 'ns/fn', uid: 'uid-1', replicas: 1, endpoints: [{ containerId: 'c', host: '127.0.0.1', port }] })
  const proxy = createProxy({
    table,
    inflight: new Inflight(),
    isPending: () => false,
    log: { warn: (...line) => console.error(...line) },
    metrics: { started: ignore, finished: ignore, held: ignore, retried: ignore },
    timeouts: { execMs: 60_000, connectMs: 1_000, waitMs: 1_000, readMs: 60_000 },
    maxBodyBytes: 0,
    waitMax: 100,
    onUnreachable: ignore,
    clock: systemClock,
    random: Math.random
  })
  const server = http.createServer((req, res) =>
    proxy.handle(req, res, { namespace: 'ns', name: 'fn', path: req.url ?? '/' })
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const proxyPort = (server.address() as AddressInfo).port

  const run = async (to: number, runSeconds: number): Promise<LoadResult> => {
    loader.send({ port: to, seconds: runSeconds, connections })
    const [result] = (await once(loader, 'message')) as [LoadResult]
    return result
  }
  await run(port, 1)
  const direct = await run(port, seconds)
  await run(proxyPort, 2)
  const before = process.cpuUsage()
  const proxied = await run(proxyPort, seconds)
  const { user, system } = process.cpuUsage(before)
  const perRequest = (micros: number) => Number((micros / proxied.requests).toFixed(1))
  const cpuMicrosPerRequest = { user: perRequest(user), system: perRequest(system), both: perRequest(user + system) }
  console.log(JSON.stringify({ connections, seconds, direct, proxied: { ...proxied, cpuMicrosPerRequest } }))

  server.close().closeAllConnections()
  await proxy.close(0)
  replica.kill()
  loader.kill()
}

function start(role: keyof typeof ROLES): ChildProcess {
  return fork(fileURLToPath(import.meta.url), [role], { execArgv: [] })
}

function ignore(): void {
  // The cost of what others do with it is not measured.
}

const role = process.argv[2]
if (role === 'replica' || role === 'load') ROLES[role]()
else await main()
