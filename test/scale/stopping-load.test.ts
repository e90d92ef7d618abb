import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { useTestRun } from '../helpers/docker-run.ts'
import { eventually } from '../helpers/eventually.ts'
import { testkitImage } from '../helpers/images.ts'
import { ServeProcess } from '../helpers/serve-process.ts'

const CALLS = 10_000
const CLIENTS = 24
/** So many calls are over when the process is told to stop. */
const STOPS = [2_000, 4_500, 7_000]
/** The kernel resets what it took and the program did not: a moment without any is looked for, but the machine may take it away. */
const RESETS = 6
/** As a load balancer waits that finds nobody listening. */
const AGAIN_MS = 20

describe('a process that is told to stop under load', function () {
  this.timeout(180_000)
  const run = useTestRun()
  let folder: string
  let gateway: ServeProcess
  let env: Record<string, string>

  before(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'docker-faas-stops-')))
    const { instance, prefix } = run()
    env = { INSTANCE_ID: instance, STATE_DB_PATH: join(folder, 'test.db'), FUNCTIONS_NETWORK: `${prefix}net` }
    gateway = new ServeProcess(env)
  })
  after(async () => {
    gateway.signal('SIGTERM')
    await gateway.exited
    await rm(folder, { recursive: true })
  })

  // Ten thousand calls and three starts of the program take their time.
  it(`X14: fails none of ${CALLS} calls, over kept connections and new ones, while it is told to stop ${STOPS.length} times`, async () => {
    const path = `/function/${run().prefix}fn`
    const spec = { image: await testkitImage(), replicas: 2 }
    await gateway.call('POST', '/v1/functions', { metadata: { name: `${run().prefix}fn` }, spec })
    await eventually(async () => expect((await gateway.call('GET', path)).status).to.equal(200))
    const port = await gateway.listening()
    const load = new Load(port, path)
    const clients = load.run()
    for (const stop of STOPS) {
      await eventually(() => expect(load.over).to.be.at.least(stop), { intervalMs: 2, timeoutMs: 60_000 })
      gateway.signal('SIGTERM')
      expect(await gateway.exited).to.deep.equal({ code: 0, signal: null })
      gateway = new ServeProcess({ ...env, GATEWAY_PORT: String(port) })
      await gateway.listening()
    }
    await clients
    expect(Object.fromEntries(load.outcomes)).to.deep.equal({ 200: CALLS })
    expect(load.reset, 'new connections that were reset').to.be.at.most(RESETS)
    expect(load.refused, 'connections that found nobody listening').to.be.greaterThan(0)
  })
})

/** Half of the clients keep their connections, and every other call of theirs is a POST; the others make one for each GET. */
class Load {
  readonly outcomes = new Map<string, number>()
  over = 0
  /** Nobody was listening. */
  refused = 0
  /** The connection was taken, and ended without a byte. */
  reset = 0
  #begun = 0
  readonly #port: number
  readonly #path: string
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CLIENTS / 2 })

  constructor(port: number, path: string) {
    this.#port = port
    this.#path = path
  }

  async run(): Promise<void> {
    await Promise.all(Array.from({ length: CLIENTS }, (_, n) => this.#client(n % 2 === 0 ? this.#agent : false)))
    this.#agent.destroy()
  }

  async #client(agent: Agent | false): Promise<void> {
    while (this.#begun < CALLS) {
      const method = this.#begun++ % 4 < 2 && agent !== false ? 'POST' : 'GET'
      let outcome = await this.#callOnce(agent, method)
      while (this.#isMadeAgain(outcome, agent)) {
        await sleep(AGAIN_MS)
        outcome = await this.#callOnce(agent, method)
      }
      this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1)
      this.over++
    }
  }

  /** As a load balancer does it: with calls that found nobody, and with a GET over a new connection that was reset. */
  #isMadeAgain(outcome: string, agent: Agent | false): boolean {
    if (outcome === 'ECONNREFUSED') this.refused++
    else if (outcome === 'ECONNRESET' && agent === false) this.reset++
    else return false
    return true
  }

  #callOnce(agent: Agent | false, method: string): Promise<string> {
    return new Promise(resolve => {
      const req = request({ port: this.#port, host: '127.0.0.1', path: this.#path, agent, method })
      req.on('error', (err: NodeJS.ErrnoException) => resolve(err.code ?? err.message))
      req.on('response', res => {
        res.on('error', err => resolve(`broke off: ${err.message}`))
        res.resume().on('end', () => resolve(String(res.statusCode)))
      })
      req.end(method === 'POST' ? 'work' : undefined)
    })
  }
}
