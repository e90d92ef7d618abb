import { join } from 'node:path'
import type { TestRun } from './docker-run.ts'
import { FaultProxy } from './fault-proxy.ts'
import { GatewayProcess } from './gateway-process.ts'
import { PrivateEngine, type PrivateEngineOptions } from './private-engine.ts'

/** An engine of its own, a fault proxy before it, and a gateway that knows only the proxy. */
export interface Chaos {
  readonly engine: PrivateEngine
  readonly proxy: FaultProxy
  readonly gateway: GatewayProcess
  /** Images, and labels of what is not the gateway's. */
  readonly run: TestRun
}

/** In a `describe`: begins before its tests, and is gone after them, whether they passed or not. */
export function useChaos(env: Record<string, string> = {}, options: PrivateEngineOptions = {}): () => Chaos {
  let engine: PrivateEngine | undefined
  let chaos: Chaos | undefined
  before('start an engine and a gateway', async function () {
    this.timeout(60_000)
    engine = await PrivateEngine.start(options)
    const proxy = new FaultProxy(join(engine.directory, 'proxy'), engine.socket)
    await proxy.open()
    const run = await engine.createRun()
    const gateway = await GatewayProcess.start(engine, { DOCKER_HOST: proxy.host, ...env })
    chaos = { engine, proxy, gateway, run }
  })
  // What a test that fails did not take back must not fail those after it.
  afterEach('heal the engine', () => chaos?.proxy.heal())
  after('remove the engine and the gateway', async function () {
    this.timeout(60_000)
    await chaos?.gateway.discard()
    chaos?.proxy.close()
    engine?.remove()
  })
  return () => {
    if (chaos === undefined) throw new Error('the engine begins with the tests')
    return chaos
  }
}
