import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { getCondition } from '../../api/condition.ts'
import { LABEL } from '../../api/labels.ts'
import { openStore } from '../../src/store/open.ts'
import { load, TestClock } from '../fixtures/db/files.ts'
import { useTestRun } from '../helpers/docker-run.ts'
import { eventually } from '../helpers/eventually.ts'
import { helloImage } from '../helpers/images.ts'
import { ServeProcess } from '../helpers/serve-process.ts'

/** Whatever is under way, a stop takes no longer. */
const STOP_MS = 10_000

describe('a process that is told to stop', function () {
  this.timeout(60_000)
  const run = useTestRun()
  let folder: string
  let path: string
  let gateway: ServeProcess | undefined

  beforeEach(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'docker-faas-stop-')))
    path = join(folder, 'test.db')
  })
  afterEach(async () => {
    await gateway?.kill()
    await rm(folder, { recursive: true })
  })

  function start(): ServeProcess {
    const { instance, prefix } = run()
    gateway = new ServeProcess({ INSTANCE_ID: instance, STATE_DB_PATH: path, FUNCTIONS_NETWORK: `${prefix}net` })
    return gateway
  }

  async function endOf(process: ServeProcess) {
    const asked = performance.now()
    process.signal('SIGTERM')
    const exit = await process.exited
    expect(process.errors).to.equal('')
    expect(performance.now() - asked).to.be.below(STOP_MS)
    return exit
  }

  /** Ids and start times of the containers of the run's functions. */
  async function containers(): Promise<string[]> {
    const { docker, instance } = run()
    const list = await docker.listContainers({ all: true, filters: { label: [`${LABEL.instance}=${instance}`] } })
    const found = await Promise.all(list.map(({ Id }) => docker.getContainer(Id).inspect()))
    return found.map(({ Id, State }) => `${Id} ${State.Status} ${State.StartedAt}`).sort()
  }

  it('C2: ends with 0 during a rollout, has written how far it came, and leaves functions alone', async () => {
    const process = start()
    const name = `${run().prefix}fn`
    const image = await helloImage()
    const apply = (tag: string, replicas: number) =>
      process.call('POST', '/v1/functions', { metadata: { name }, spec: { image: tag, replicas } })
    await apply(image, 2)
    await eventually(async () => expect((await process.get(name))?.status.readyReplicas).to.equal(2))
    const before = await containers()
    await apply(run().image, 2)
    await eventually(() =>
      expect(process.log.filter(line => line['msg'] === 'Planned function')).to.have.length.above(1)
    )
    expect(await endOf(process)).to.deep.equal({ code: 0, signal: null })
    expect(process.logged('Stopped')).not.to.equal(undefined)
    const after = await containers()
    expect(after.filter(line => before.includes(line))).to.have.length.at.least(1)
    // One that its successor has replaced may be about to go.
    expect(after.filter(line => line.includes(' running ')).length, after.join('; ')).to.be.at.least(2)
    await using store = await openStore({ path, clock: new TestClock() })
    const found = await store.functions.get(`openfaas-fn/${name}`)
    expect(found?.status.observedGeneration, 'status of the rollout').to.equal(2)
    expect(getCondition(found?.status.conditions ?? [], 'Progressing')?.status).to.equal('True')
  })

  for (const moment of ['Starting', 'Migrated database']) {
    it(`C2: ends with 0 when it has come no further than "${moment}"`, async () => {
      await load('v2.1', path)
      const process = start()
      await eventually(() => expect(process.logged(moment)).not.to.equal(undefined), { intervalMs: 1 })
      expect(await endOf(process)).to.deep.equal({ code: 0, signal: null })
      expect(process.logged('Stopped')).not.to.equal(undefined)
      expect(process.errors).to.equal('')
    })
  }
})
