import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { FunctionObject } from '../../api/function.ts'
import { rows } from '../fixtures/db/files.ts'
import { useTestRun } from '../helpers/docker-run.ts'
import { eventually } from '../helpers/eventually.ts'
import { ServeProcess } from '../helpers/serve-process.ts'

/** Of V8's heap: enough to start with, and not for what the test asks for. */
const SMALL_HEAP = '--max-old-space-size=56'
const LARGE = 'x'.repeat(100_000)

describe('a gateway that runs out of memory', function () {
  this.timeout(120_000)
  const run = useTestRun()
  let folder: string
  let gateway: ServeProcess | undefined
  const path = () => join(folder, 'test.db')

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'docker-faas-memory-'))
  })
  afterEach(async () => {
    await gateway?.kill()
    await rm(folder, { recursive: true })
  })

  function start(...nodeOptions: string[]): ServeProcess {
    const { instance, prefix } = run()
    gateway = new ServeProcess(
      { INSTANCE_ID: instance, STATE_DB_PATH: path(), FUNCTIONS_NETWORK: `${prefix}net` },
      nodeOptions
    )
    return gateway
  }

  const put = (name: string, spec: object) =>
    (gateway as ServeProcess).call('POST', '/v1/functions', {
      metadata: { name },
      spec: { image: run().image, ...spec }
    })

  /** Writes large functions and reads them all, again and again, until the process is dead; gives those acknowledged. */
  async function exhaust(process: ServeProcess): Promise<string[]> {
    const acknowledged: string[] = []
    const write = async (lane: number) => {
      for (let n = 0; !process.hasEnded; n++) {
        const name = `large-${lane}-${n}`
        const { status } = await put(name, { replicas: 0, env: { X: LARGE } })
        if (status === 201) acknowledged.push(name)
        if (n > 5) await process.call('GET', '/v1/functions')
      }
    }
    await Promise.all([0, 1, 2, 3].map(lane => write(lane).catch(() => undefined)))
    return acknowledged
  }

  it('C5: starts again and converges; every acknowledged write is there, and no half of another', async () => {
    const first = start(SMALL_HEAP)
    const name = `${run().prefix}kept`
    expect((await put(name, { replicas: 1, env: { VERSION: '1' } })).status).to.equal(201)
    const acknowledged = await exhaust(first)
    expect(await first.exited).to.deep.equal({ code: null, signal: 'SIGABRT' })
    expect(first.errors).to.contain('heap out of memory')
    expect(acknowledged).not.to.deep.equal([])
    const second = start()
    await eventually(
      async () => {
        const fn = (await second.get(name)) as FunctionObject
        expect(fn.status.observedGeneration).to.equal(fn.metadata.generation)
        expect(fn.status.readyReplicas).to.equal(1)
      },
      { timeoutMs: 30_000 }
    )
    const { text } = await second.call('GET', '/v1/functions')
    const found = new Map((JSON.parse(text).items as FunctionObject[]).map(fn => [fn.metadata.name, fn.spec.env['X']]))
    for (const large of acknowledged) expect(found.get(large), large).to.equal(LARGE)
    const others = [...found].filter(([other]) => other !== name)
    expect(others.filter(([, value]) => value !== LARGE)).to.deep.equal([])
    await second.kill()
    expect(rows(path(), 'PRAGMA integrity_check')).to.deep.equal([{ integrity_check: 'ok' }])
  })
})
