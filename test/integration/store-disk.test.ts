import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { useTestRun } from '../helpers/docker-run.ts'
import { eventually } from '../helpers/eventually.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { testkitImage } from '../helpers/images.ts'
import { SmallDisk } from '../helpers/small-disk.ts'

const PROBLEM = 'application/problem+json'

describe('a gateway whose database lies on a disk that fails', function () {
  this.timeout(120_000)
  useTestRun()
  let image: string
  let disk: SmallDisk
  let gateway: TestGateway

  before(async () => {
    image = await testkitImage()
  })
  beforeEach(async () => {
    disk = await SmallDisk.create()
    gateway = await TestGateway.start({ STATE_DB_PATH: join(disk.path, 'state.db') })
    await gateway.apply('on-disk', { image, replicas: 1 })
    await gateway.converged('on-disk')
  })
  afterEach(async () => {
    await gateway.close()
    await disk[Symbol.asyncDispose]()
  })

  const write = (name: string) =>
    gateway.call('POST', '/v1/functions', {
      metadata: { name },
      spec: { image, replicas: 0, env: { X: 'x'.repeat(4000) } }
    })

  /** What goes on while nothing can be written: reads, calls, and the repair of what is written down. */
  async function expectReadsCallsAndRepairs(): Promise<void> {
    expect((await gateway.get('on-disk')).metadata.name).to.equal('on-disk')
    expect((await gateway.call('GET', '/function/on-disk')).status).to.equal(200)
    const [before] = await gateway.docker.listContainers({ filters: { name: ['^/on-disk-0$'] } })
    await gateway.docker.getContainer('on-disk-0').remove({ force: true })
    await eventually(
      async () => {
        expect((await gateway.call('GET', '/function/on-disk')).status).to.equal(200)
        const { Id } = await gateway.docker.getContainer('on-disk-0').inspect()
        expect(Id).to.not.equal(before?.Id)
      },
      { timeoutMs: 30_000 }
    )
  }

  /** An asynchronous call, which is accepted when it is on the disk, and not before. */
  const submit = async () => {
    const { status, headers } = await gateway.call('POST', '/async-function/on-disk', 'x'.repeat(50_000))
    return { status, id: String(headers['x-invocation-id']), retryAfter: headers['retry-after'] }
  }

  async function expectDone(id: string): Promise<void> {
    await eventually(async () => {
      const { text } = await gateway.call('GET', `/v1/invocations/${id}`)
      expect(JSON.parse(text)).to.include({ phase: 'done' })
    })
  }

  async function fill(): Promise<string> {
    const ballast = join(disk.path, 'ballast')
    await writeFile(ballast, Buffer.alloc(64 * 1024 * 1024)).then(
      () => expect.fail('the disk is larger than it should be'),
      (err: { code?: string }) => expect(err.code).to.equal('ENOSPC')
    )
    return ballast
  }

  it('S3: answers 507 to writes while it is full, goes on with the rest, and recovers by itself', async () => {
    const ballast = await fill()
    const refused = await eventually(async () => {
      const answer = await write(`more-${Date.now()}`)
      expect(answer.status).to.be.above(400)
      return answer
    })
    expect(refused.status).to.equal(507)
    expect(refused.headers['content-type']).to.contain(PROBLEM)
    expect(JSON.parse(refused.text)).to.include({ code: 'STORAGE_FULL', status: 507 })
    expect(await submit()).to.include({ status: 503, retryAfter: '5' })
    await expectReadsCallsAndRepairs()
    await rm(ballast)
    await eventually(async () => expect((await write('after')).status).to.equal(201), { timeoutMs: 20_000 })
    await gateway.converged('on-disk')
    const accepted = await submit()
    expect(accepted.status).to.equal(202)
    await expectDone(accepted.id)
    await gateway.stop()
    await gateway.start({ STATE_DB_PATH: join(disk.path, 'state.db') })
    expect((await gateway.get('after')).metadata.name).to.equal('after')
  })

  it('S7: answers 503 to writes while it is read-only, goes on with the rest, and has all once it is mended', async () => {
    expect((await write('before')).status).to.equal(201)
    disk.breakDown()
    const refused = await write('during')
    expect(refused.status).to.equal(503)
    expect(refused.headers['content-type']).to.contain(PROBLEM)
    expect(JSON.parse(refused.text)).to.include({ code: 'STORE_UNAVAILABLE', status: 503 })
    expect(await submit()).to.include({ status: 503, retryAfter: '5' })
    await expectReadsCallsAndRepairs()
    await gateway.stop()
    await disk.repair()
    await gateway.start({ STATE_DB_PATH: join(disk.path, 'state.db') })
    await gateway.converged('on-disk')
    const names = JSON.parse((await gateway.call('GET', '/v1/functions')).text).items.map(
      (fn: { metadata: { name: string } }) => fn.metadata.name
    )
    expect(names).to.have.members(['on-disk', 'before'])
    expect((await write('afterwards')).status).to.equal(201)
  })
})
