import { expect } from 'chai'
import { LABEL } from '../../api/labels.ts'
import { createDockerEngine } from '../../src/engine/docker.ts'
import { useTestRun } from '../helpers/docker-run.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { testkitImage } from '../helpers/images.ts'
import { PRODUCT_HOST } from '../helpers/product-engine.ts'

const EDITS = 200
const REPLICAS = 2
/** Replicas beside those that are wanted: one that comes, those that were overtaken, and one that ends its calls. */
const BESIDE = 4

interface Seen {
  created: number
  mostStarting: number
  mostRunning: number
  /** Ids of the containers that were made and not started yet. */
  readonly starting: Set<string>
  /** Ids of those that run and were not told to stop. */
  readonly running: Set<string>
}

function note(seen: Seen, { action, id }: { readonly action: string; readonly id: string }): void {
  const { starting, running } = seen
  if (action === 'create') {
    seen.created++
    starting.add(id)
  } else if (action === 'start') {
    starting.delete(id)
    running.add(id)
  } else if (action === 'kill' || action === 'die') running.delete(id)
  else if (action === 'destroy') starting.delete(id)
  seen.mostStarting = Math.max(seen.mostStarting, starting.size)
  seen.mostRunning = Math.max(seen.mostRunning, running.size)
}

describe('a function that is edited without end', function () {
  this.timeout(120_000)
  useTestRun()
  let gateway: TestGateway
  let image: string

  before(async () => {
    image = await testkitImage()
    gateway = await TestGateway.start()
  })
  after(() => gateway.close())

  const apply = (edit: number) => gateway.apply('edited', { image, replicas: REPLICAS, env: { EDIT: String(edit) } })

  /** Runs until `done` settles; gives what each round gave. */
  async function meanwhile<T>(done: Promise<unknown>, round: () => Promise<T>): Promise<T[]> {
    let goesOn = true
    void done.catch(() => undefined).finally(() => (goesOn = false))
    const results: T[] = []
    while (goesOn) results.push(await round())
    return results
  }

  /** What happens to the containers until the function that it gives is called. */
  async function watchContainers() {
    const engine = createDockerEngine({ host: PRODUCT_HOST })
    const stopped = new AbortController()
    const running = new Set((await live()).map(({ Id }) => Id))
    const seen = { created: 0, mostStarting: 0, mostRunning: 0, starting: new Set<string>(), running }
    const watching = (async () => {
      for await (const event of engine.watch(stopped.signal)) {
        if (event.kind === 'container' && event.labels[LABEL.instance] === gateway.instance) note(seen, event)
      }
    })()
    return async () => {
      stopped.abort()
      await watching
      await engine[Symbol.asyncDispose]()
      return seen
    }
  }

  async function live() {
    const filters = { label: [`${LABEL.instance}=${gateway.instance}`], status: ['running'] }
    return gateway.docker.listContainers({ filters })
  }

  it('C10: carries out one edit at a time, ends at the last one, and serves all the while', async () => {
    const { metadata: before } = await apply(0)
    await gateway.converged('edited')
    const containersSeen = await watchContainers()
    const startedAt = performance.now()
    const edits = (async () => {
      for (let edit = 1; edit <= EDITS; edit++) await apply(edit)
    })()
    const [codes] = await Promise.all([
      meanwhile(edits, async () => (await gateway.call('GET', '/function/edited')).status),
      edits
    ])
    const perSecond = Math.round(EDITS / ((performance.now() - startedAt) / 1000))
    process.stdout.write(`    ${perSecond} edits per second, ${codes.length} calls beside them\n`)
    const { metadata, status } = await gateway.converged('edited')
    const seen = await containersSeen()

    expect([metadata.generation, status.observedGeneration]).to.deep.equal([
      before.generation + EDITS,
      metadata.generation
    ])
    const containers = await Promise.all((await live()).map(({ Id }) => gateway.docker.getContainer(Id).inspect()))
    expect(containers.map(({ Config }) => Config.Env.find(entry => entry.startsWith('EDIT=')))).to.deep.equal(
      Array.from({ length: REPLICAS }, () => `EDIT=${EDITS}`)
    )
    expect(seen.mostStarting, 'replicas that are brought at the same time').to.equal(1)
    expect(seen.created, 'edits that were carried out').to.be.within(REPLICAS, EDITS / 2)
    expect(seen.mostRunning).to.be.at.most(REPLICAS + BESIDE)
    expect(codes.filter(code => code !== 200)).to.deep.equal([])
  })
})
