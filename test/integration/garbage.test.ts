import { expect } from 'chai'
import { LABEL } from '../../api/labels.ts'
import { readSigner } from '../../src/assembly/instance-key.ts'
import { useTestRun } from '../helpers/docker-run.ts'
import { eventually } from '../helpers/eventually.ts'
import { TestGateway } from '../helpers/gateway.ts'

describe('garbage on a real engine', function () {
  this.timeout(60_000)
  const run = useTestRun()

  /** Labels of an object that `gateway` made for a function that is not written down. */
  const orphaned = (gateway: TestGateway) => ({
    [LABEL.instance]: gateway.instance,
    [LABEL.namespace]: 'openfaas-fn',
    [LABEL.function]: 'gone',
    [LABEL.uid]: 'uid-of-nobody',
    [LABEL.ordinal]: '0'
  })
  const start = () => TestGateway.start({ GC_GRACE: '1s', GC_INTERVAL: '1s' })

  async function anOrphan(gateway: TestGateway, name: string, labels: Record<string, string> = orphaned(gateway)) {
    const imageId = (await gateway.docker.getImage(run().image).inspect()).Id
    const signer = await readSigner({ STATE_DB_PATH: gateway.databasePath })
    const container = await gateway.docker.createContainer({
      name,
      Image: run().image,
      Env: ['MODE=sleep'],
      Labels: { ...run().labels, ...signer.sign(labels, { kind: 'container', imageId }) }
    })
    await container.start()
    return container
  }

  it('is collected after the grace time, containers, networks and volumes; what is not ours stays', async () => {
    const gateway = await start()
    try {
      await gateway.apply('lives', { image: run().image })
      await gateway.converged('lives')
      const stranger = await anOrphan(gateway, `${run().prefix}stranger`, {})
      const kinds = new Set<string>()
      const planned = async (): Promise<{ kind: string }[]> => {
        const { garbage } = JSON.parse((await gateway.call('GET', '/v1/plan')).text)
        for (const { kind } of garbage) kinds.add(kind)
        return garbage
      }
      await anOrphan(gateway, `${run().prefix}orphan`)
      await planned()
      const subnet = run().subnet()
      const signer = await readSigner({ STATE_DB_PATH: gateway.databasePath })
      const labels = orphaned(gateway)
      await gateway.docker.createNetwork({
        Name: `${run().prefix}net`,
        Labels: signer.sign(labels, { kind: 'network', subnet }),
        IPAM: { Config: [{ Subnet: subnet }] }
      })
      // A machine that is busy may take longer over the next one than the grace.
      await planned()
      await gateway.docker.createVolume({
        Name: `${run().prefix}volume`,
        Labels: signer.sign(labels, { kind: 'volume' })
      })
      await planned()
      expect([...kinds]).to.have.members(['container', 'network', 'volume'])
      await eventually(async () => expect(await planned()).to.deep.equal([]), { timeoutMs: 30_000, intervalMs: 200 })
      expect(await gateway.containers()).to.deep.equal(['lives-0'])
      expect(await gateway.networks()).to.deep.equal([gateway.networkOf('lives')])
      expect((await stranger.inspect()).State.Running).to.equal(true)
      expect(await gateway.metrics()).to.match(/faas_gc_collected_total\{kind="container"\} 1/)
    } finally {
      await gateway.close()
    }
  })

  it('N5: so is a second network of a living function, whose own is left as it is', async () => {
    const gateway = await start()
    try {
      await gateway.apply('lives', { image: run().image })
      await gateway.converged('lives')
      const own = await gateway.docker.getNetwork(gateway.networkOf('lives')).inspect()
      const subnet = run().subnet()
      const signer = await readSigner({ STATE_DB_PATH: gateway.databasePath })
      const second = await gateway.docker.createNetwork({
        Name: own.Name,
        CheckDuplicate: false,
        Labels: signer.sign(own.Labels ?? {}, { kind: 'network', subnet }),
        IPAM: { Config: [{ Subnet: subnet }] }
      })
      await eventually(async () => expect(await gateway.networks()).to.deep.equal([own.Name]), { timeoutMs: 30_000 })
      expect((await gateway.docker.getNetwork(own.Id).inspect()).Containers).to.deep.equal(own.Containers)
      await second.inspect().then(
        () => expect.fail('the second network is still there'),
        (err: { statusCode?: number }) => expect(err.statusCode).to.equal(404)
      )
    } finally {
      await gateway.close()
    }
  })

  it('S5: is not collected over an empty database, and a log line and the plan say so', async () => {
    const gateway = await start()
    try {
      const orphan = await anOrphan(gateway, `${run().prefix}held`)
      await eventually(() => expect(gateway.log.join('')).to.contain('Held back orphans'), { timeoutMs: 20_000 })
      const plan = JSON.parse((await gateway.call('GET', '/v1/plan')).text)
      expect(plan.garbage[0]).to.include({ kind: 'container', verdict: 'database-empty' })
      expect((await orphan.inspect()).State.Running).to.equal(true)
    } finally {
      await gateway.close()
    }
  })

  it('S5: is not collected when it is older than the database, also when that has functions again', async () => {
    const first = await start()
    try {
      const orphan = await anOrphan(first, `${run().prefix}older`)
      await first.stop()
      // Docker lists the second of a creation only, so the new database must be younger by more than that.
      const createdAt = Date.parse((await orphan.inspect()).Created)
      await eventually(() => expect(Date.now() - createdAt).to.be.above(2000))
      await first.start({ STATE_DB_PATH: `${first.databasePath}.new` })
      await first.apply('lives', { image: run().image })
      await first.converged('lives')
      await eventually(() => expect(first.log.join('')).to.contain('older-than-database'), { timeoutMs: 20_000 })
      expect((await orphan.inspect()).State.Running).to.equal(true)
    } finally {
      await first.close()
    }
  })
})
