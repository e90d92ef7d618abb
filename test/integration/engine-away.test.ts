import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { useTestRun } from '../helpers/docker-run.ts'
import { TestGateway } from '../helpers/gateway.ts'

/** A socket before the engine's, which can go and come back. */
class Relay {
  readonly path: string
  readonly #target: string
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined

  constructor(path: string, target: string) {
    this.path = path
    this.#target = target
  }

  async open(): Promise<void> {
    this.#server = createServer(client => {
      const engine = connect(this.#target)
      for (const [from, to] of [
        [client, engine],
        [engine, client]
      ] as const) {
        this.#sockets.add(from)
        from.on('error', () => to.destroy())
        from.on('close', () => this.#sockets.delete(from))
        from.pipe(to)
      }
    })
    const listening = Promise.withResolvers<void>()
    this.#server.listen(this.path, listening.resolve)
    await listening.promise
  }

  close(): void {
    this.#server?.close()
    for (const socket of this.#sockets) socket.destroy()
  }
}

describe('D4: an engine whose socket goes', function () {
  this.timeout(60_000)
  const run = useTestRun()

  it('is Unknown within 5 s, while calls go on, and all is well again when it comes back', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'docker-faas-away-'))
    const relay = new Relay(join(directory, 'sock'), run().host.slice('unix://'.length))
    await relay.open()
    const gateway = await TestGateway.start({ DOCKER_HOST: `unix://${relay.path}` })
    try {
      await gateway.apply('lasting', { image: run().image })
      await gateway.converged('lasting')
      const before = await gateway.containers()
      relay.close()
      await gateway.reason('lasting', 'Ready', 'EngineUnreachable', 5000)
      expect((await gateway.call('GET', '/readyz')).text).to.contain('degraded')
      expect((await gateway.call('GET', '/livez')).status).to.equal(200)
      expect((await gateway.call('GET', '/function/lasting')).status).to.equal(200)
      await relay.open()
      await gateway.converged('lasting', 40_000)
      expect(await gateway.containers()).to.deep.equal(before)
    } finally {
      await gateway.close()
      relay.close()
      await rm(directory, { recursive: true })
    }
  })
})
