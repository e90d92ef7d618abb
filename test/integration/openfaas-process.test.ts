import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { useTestRun } from '../helpers/docker-run.ts'
import { eventually } from '../helpers/eventually.ts'
import { testkitImage } from '../helpers/images.ts'
import { ServeProcess } from '../helpers/serve-process.ts'

describe('the OpenFaaS contract, on a gateway with workers', function () {
  this.timeout(60_000)
  const run = useTestRun()
  let folder: string
  let gateway: ServeProcess

  const start = async () => {
    const { instance, prefix } = run()
    gateway = new ServeProcess({
      ...{ INSTANCE_ID: instance, STATE_DB_PATH: join(folder, 'test.db'), FUNCTIONS_NETWORK: `${prefix}net` },
      ...{ GATEWAY_WORKERS: '1', SHUTDOWN_GRACE: '10s' }
    })
    await gateway.listening()
  }
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'docker-faas-openfaas-'))
    await start()
  })
  after(async () => {
    await gateway.kill()
    await rm(folder, { recursive: true })
  })

  it('keeps invocationCount when it is stopped, and when it is killed', async () => {
    const name = `${run().prefix}counted`
    const count = async () => JSON.parse((await gateway.call('GET', `/system/function/${name}`)).text).invocationCount
    const call = async () => expect((await gateway.call('POST', `/function/${name}`, 'x')).status).to.equal(200)
    const wanted = { service: name, image: await testkitImage() }
    expect((await gateway.call('POST', '/system/functions', wanted)).status).to.equal(202)
    for (let i = 0; i < 3; i++) await call()
    await eventually(async () => expect(await count()).to.equal(3))
    gateway.signal('SIGTERM')
    await gateway.exited
    await start()
    expect(await count()).to.equal(3)
    await call()
    const written = /store_db_operations_total\{operation="putInvocationCounts",status="success"\} 1/
    await eventually(async () => expect(await gateway.metrics()).to.match(written), { timeoutMs: 10_000 })
    await gateway.kill()
    await start()
    expect(await count()).to.equal(4)
  })
})
