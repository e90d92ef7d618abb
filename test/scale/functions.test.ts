import { expect } from 'chai'
import { useTestRun } from '../helpers/docker-run.ts'
import { eventually } from '../helpers/eventually.ts'
import { TestGateway } from '../helpers/gateway.ts'

const FUNCTIONS = 200
/** Requests of the test side by side. */
const WIDTH = 20
const PATIENCE_MS = 180_000

describe(`${FUNCTIONS} functions on one engine`, function () {
  this.timeout(2 * PATIENCE_MS)
  const run = useTestRun()
  let gateway: TestGateway

  before(async () => {
    gateway = await TestGateway.start()
  })
  after(() => gateway.close())

  const names = Array.from({ length: FUNCTIONS }, (_, n) => `many-${n}`)
  const onAll = (work: (name: string) => Promise<unknown>) =>
    Promise.all(
      Array.from({ length: WIDTH }, async (_, lane) => {
        for (const name of names.filter((_, n) => n % WIDTH === lane)) await work(name)
      })
    )

  it('I1: all get ready and answer', async () => {
    const startedAt = performance.now()
    await onAll(name => gateway.apply(name, { image: run().image }))
    await onAll(name => gateway.converged(name, PATIENCE_MS))
    tell('all ready', startedAt)
    await onAll(async name => expect((await gateway.call('GET', `/function/${name}`)).status, name).to.equal(200))
    expect(await gateway.containers()).to.have.length(FUNCTIONS)
  })

  it('I2: nothing of them is left when they are deleted', async () => {
    const startedAt = performance.now()
    await onAll(async name =>
      expect((await gateway.call('DELETE', `/v1/functions/${name}`)).status, name).to.be.below(300)
    )
    await eventually(
      async () => {
        expect(await gateway.containers()).to.deep.equal([])
        expect(await gateway.networks()).to.deep.equal([])
        expect(JSON.parse((await gateway.call('GET', '/v1/functions')).text).items).to.deep.equal([])
      },
      { timeoutMs: PATIENCE_MS, intervalMs: 500 }
    )
    tell('all gone', startedAt)
  })
})

/** The times are part of what the level shows. */
function tell(what: string, startedAt: number): void {
  process.stdout.write(`    ${what} after ${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`)
}
