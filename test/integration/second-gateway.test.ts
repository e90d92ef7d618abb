import { rm } from 'node:fs/promises'
import { expect } from 'chai'
import { Scratch } from '../fixtures/db/files.ts'
import { useTestRun } from '../helpers/docker-run.ts'
import { ServeProcess } from '../helpers/serve-process.ts'

describe('a second gateway over one database', function () {
  this.timeout(60_000)
  const run = useTestRun()
  let scratch: Scratch
  const processes: ServeProcess[] = []

  beforeEach(async () => {
    scratch = await Scratch.create()
  })
  afterEach(async () => {
    for (const process of processes.splice(0)) await process.kill()
    await scratch[Symbol.asyncDispose]()
  })

  function serve(): ServeProcess {
    const { instance } = run()
    const env = { STATE_DB_PATH: scratch.path, INSTANCE_ID: instance, FUNCTIONS_NETWORK: instance }
    const gateway = new ServeProcess(env)
    processes.push(gateway)
    return gateway
  }

  it('C6: says so and ends with 75, and the first goes on; it starts once the first is killed', async () => {
    const first = serve()
    await first.listening()
    const second = serve()
    expect(await second.exited).to.deep.equal({ code: 75, signal: null })
    expect(second.errors).to.equal(
      `docker-faas: another gateway runs on database ${scratch.path}: stop it first, or set STATE_DB_PATH to a database ` +
        'of its own; nothing was changed: database is locked\n'
    )
    const spec = { metadata: { name: 'kept' }, spec: { image: 'hello:1', replicas: 0 } }
    expect((await first.call('POST', '/v1/functions', spec)).status).to.equal(201)
    await first.kill()
    const third = serve()
    expect((await third.get('kept'))?.metadata.generation).to.equal(1)
  })

  it('C6: says so though the first has lost its file, and makes none in its place', async () => {
    const first = serve()
    await first.listening()
    await rm(scratch.path)
    const second = serve()
    expect((await second.exited).code).to.equal(75)
    expect(await rm(scratch.path).catch((err: NodeJS.ErrnoException) => err.code)).to.equal('ENOENT')
  })
})
