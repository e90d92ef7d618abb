import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { expect } from 'chai'
import { eventually } from '../helpers/eventually.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { PASSWORD } from '../helpers/gateway-client.ts'
import { testkitImage } from '../helpers/images.ts'
import { connectionsOf, cpuTicksOf, workersOf } from '../helpers/worker-processes.ts'

const WORKERS = 2
const BUSY_MS = 2500
/** A call takes some milliseconds; the machine may be slow. */
const SOON_MS = 2000

/** Calls from outside this process, each over a connection of its own, until it is told to end; prints what it got. */
const CALLER = `
  const http = require('node:http')
  const [url, authorization] = process.argv.slice(1)
  const outcomes = {}
  let slowest = 0, isOver = false
  const call = () => new Promise(resolve => {
    const at = performance.now()
    const end = outcome => { slowest = Math.max(slowest, performance.now() - at); outcomes[outcome] = (outcomes[outcome] ?? 0) + 1; resolve() }
    http.get(url, { agent: false, headers: { authorization } }, res => res.resume().on('end', () => end(res.statusCode)))
      .on('error', err => end(err.code))
  })
  process.stdin.on('end', () => { isOver = true }).resume()
  const loop = async () => { while (!isOver) await call() }
  Promise.all([loop(), loop()]).then(() => console.log(JSON.stringify({ outcomes, slowest })))`

describe('a gateway with workers', function () {
  this.timeout(90_000)
  let gateway: TestGateway

  before(async () => {
    const image = await testkitImage()
    gateway = await TestGateway.start({ GATEWAY_WORKERS: String(WORKERS), SHUTDOWN_GRACE: '5s' })
    await gateway.apply('spread', { image, replicas: 2 })
    await gateway.converged('spread')
  })
  after(() => gateway.close())

  const pids = () => workersOf(process.pid)

  async function metric(name: string): Promise<number> {
    const lines = (await gateway.metrics()).split('\n').filter(line => line.startsWith(name))
    return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
  }

  /** One call over a new connection. */
  async function freshCall(authorization = basic(PASSWORD), path = '/function/spread'): Promise<number> {
    const req = request({ host: '127.0.0.1', port: gateway.port, path, agent: false, headers: { authorization } })
    req.end()
    const [res] = await once(req, 'response')
    await res.resume().toArray()
    return res.statusCode
  }

  /** An answer that goes on for minutes, over a new connection. */
  async function openStream(authorization: string): Promise<IncomingMessage> {
    const path = '/function/spread/stream?chunks=10000&intervalMs=50'
    const req = request({ host: '127.0.0.1', port: gateway.port, path, agent: false, headers: { authorization } })
    req.end()
    const [res] = (await once(req, 'response')) as [IncomingMessage]
    return res.on('error', () => undefined).resume()
  }

  const basic = (password: string) => `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`

  function startCaller() {
    const url = `http://127.0.0.1:${gateway.port}/function/spread`
    const child = spawn(process.execPath, ['-e', CALLER, url, basic(PASSWORD)], { stdio: ['pipe', 'pipe', 'inherit'] })
    const output = child.stdout.toArray()
    return {
      async end(): Promise<{ outcomes: Record<string, number>; slowest: number }> {
        child.stdin.end()
        return JSON.parse(Buffer.concat(await output).toString())
      }
    }
  }

  it('serves calls by each of its workers, and the API', async () => {
    const before = pids().map(cpuTicksOf)
    expect(before).to.have.length(WORKERS)
    await eventually(async () => {
      await Promise.all(Array.from({ length: 200 }, async () => expect(await freshCall()).to.equal(200)))
      const after = pids().map(cpuTicksOf)
      for (const [i, ticks] of after.entries()) expect(ticks, `CPU of worker ${i + 1}`).to.be.above(before[i] ?? 0)
    })
    await eventually(async () => {
      expect(await metric('gateway_function_invocation_total{function_name="spread')).to.be.at.least(200)
      expect(await metric('gateway_function_invocation_inflight{function_name="spread')).to.equal(0)
      expect(await metric('faas_workers')).to.equal(WORKERS)
    })
  })

  it('wakes a function that sleeps for the calls of all workers, and knows at once one that was just made', async () => {
    const image = await testkitImage()
    await gateway.apply('sleeper', { image, replicas: 0 })
    const calls = Array.from({ length: 20 }, () => freshCall(basic(PASSWORD), '/function/sleeper'))
    expect(new Set(await Promise.all(calls))).to.deep.equal(new Set([200]))
    await eventually(async () => {
      expect(await metric('faas_function_held_calls_total{function_name="sleeper')).to.equal(20)
    })
    expect(await freshCall(basic(PASSWORD), '/function/unknown')).to.equal(404)
    await gateway.apply('unknown', { image })
    expect(await freshCall(basic(PASSWORD), '/function/unknown')).to.equal(200)
  })

  it('goes on with calls while the controller is busy, and with calls and the API while a worker does not get to run', async () => {
    const caller = startCaller()
    await eventually(async () => expect(await metric('gateway_function_invocation_inflight')).to.be.above(0))
    const until = performance.now() + BUSY_MS
    while (performance.now() < until); // all of the controller's process
    const { outcomes, slowest } = await caller.end()
    expect(Object.keys(outcomes)).to.deep.equal(['200'])
    expect(slowest).to.be.below(SOON_MS)
    const [pid = 0] = pids()
    process.kill(pid, 'SIGSTOP')
    try {
      for (let i = 0; i < 20; i++) {
        const startedAt = performance.now()
        expect(await freshCall()).to.equal(200)
        expect(await freshCall(basic(PASSWORD), '/v1/functions')).to.equal(200)
        expect(performance.now() - startedAt).to.be.below(2 * SOON_MS)
      }
    } finally {
      process.kill(pid, 'SIGCONT')
    }
  })

  it('replaces a worker that is killed: only its own calls break, its peers go on, and what it counted stays', async () => {
    const agents = Array.from({ length: 16 }, () => new Agent({ keepAlive: true, maxSockets: 1 }))
    const before = pids()
    let isOver = false
    const broken = new Map<number, string[]>()
    const callers = agents.map(async (agent, i) => {
      while (!isOver) {
        const outcome = await new Promise<string>(resolve => {
          const options = { host: '127.0.0.1', port: gateway.port, path: '/function/spread?delayMs=20', agent }
          request({ ...options, headers: { authorization: basic(PASSWORD) } }, res =>
            res.resume().on('end', () => resolve(String(res.statusCode)))
          )
            .on('error', (err: NodeJS.ErrnoException) => resolve(String(err.code)))
            .end()
        })
        if (outcome !== '200') broken.set(i, [...(broken.get(i) ?? []), outcome])
      }
    })
    const counted = () => metric('gateway_function_invocation_total{function_name="spread')
    const start = await counted()
    await eventually(async () => expect(await counted()).to.be.above(start + 100))
    const beforeKill = await counted()
    const own = connectionsOf(before[0] ?? 0, gateway.port)
    process.kill(before[0] ?? 0, 'SIGKILL')
    await eventually(async () => expect(pids()).to.have.length(WORKERS).and.not.include(before[0]), {
      timeoutMs: 10_000
    })
    await eventually(async () => expect(await metric('faas_workers')).to.equal(WORKERS))
    expect(pids(), 'the peer').to.include(before[1])
    await eventually(async () => expect(await counted()).to.be.above(beforeKill + 100))
    isOver = true
    await Promise.all(callers)
    // A connection breaks once, and the next one is taken by whoever is there.
    for (const outcomes of broken.values()) expect(outcomes).to.have.length(1)
    expect(broken.size, 'of its connections').to.be.at.most(own)
    for (const agent of agents) agent.destroy()
    expect(await metric('faas_worker_replacements_total')).to.equal(1)
    expect(gateway.log.join('')).to.contain('"how":"SIGKILL"').and.to.contain('Replaced worker that ended')
    await eventually(async () => expect(await metric('gateway_function_invocation_inflight')).to.equal(0))
  })

  it('ends a token in every worker when it is revoked, with the streams that it opened, counts wrong guesses over all of them, and notes uses', async () => {
    const answer = await gateway.call('POST', '/v1/tokens', { name: 'caller', scopes: ['invoke'] })
    const { token } = JSON.parse(answer.text)
    const bearer = `Bearer ${token}`
    for (let i = 0; i < 20; i++) expect(await freshCall(bearer)).to.equal(200)
    await eventually(async () => {
      expect(JSON.parse((await gateway.call('GET', '/v1/tokens/caller')).text).lastUsedAt).to.be.a('string')
    })
    const streams = await Promise.all(Array.from({ length: 8 }, () => openStream(bearer)))
    expect((await gateway.call('DELETE', '/v1/tokens/caller')).status).to.equal(204)
    await eventually(() => expect(streams.map(({ destroyed }) => destroyed)).to.not.include(false))
    await eventually(async () => expect(await freshCall(bearer)).to.equal(401), { timeoutMs: 2000 })
    const statuses = new Set<number>()
    for (let i = 0; i < 20; i++) statuses.add(await freshCall(bearer))
    expect([...statuses]).to.deep.equal([401, 429])
    expect(await freshCall(), 'the right password').to.equal(200)
  })

  it('loses no call in a rolling update and when it scales down', async () => {
    const image = await testkitImage()
    const caller = startCaller()
    await gateway.apply('spread', { image, replicas: 3, env: { VERSION: '2' } })
    await gateway.converged('spread', 60_000)
    await gateway.scale('spread', 1)
    await gateway.converged('spread', 60_000)
    expect(await gateway.containers('spread')).to.have.length(1)
    const { outcomes } = await caller.end()
    expect(Object.keys(outcomes)).to.deep.equal(['200'])
  })

  it('lets calls end when it is told to stop, and starts again', async () => {
    const before = pids()
    const call = freshCall(basic(PASSWORD), '/function/spread?delayMs=1500')
    await eventually(async () => expect(await metric('gateway_function_invocation_inflight')).to.equal(1))
    const stopped = gateway.stop()
    expect(await call).to.equal(200)
    await stopped
    expect(pids().filter(pid => before.includes(pid))).to.deep.equal([])
    await gateway.start()
    await gateway.converged('spread')
    expect(await freshCall()).to.equal(200)
  })
})
