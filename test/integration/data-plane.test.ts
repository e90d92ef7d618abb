import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { useTestRun } from '../helpers/docker-run.ts'
import { eventually } from '../helpers/eventually.ts'
import { FaultProxy } from '../helpers/fault-proxy.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { testkitImage } from '../helpers/images.ts'

/** Several resyncs fall into it. */
const QUIET_MS = 6000

describe('calls while replicas come and go', function () {
  this.timeout(90_000)
  const run = useTestRun()
  let gateway: TestGateway
  let image: string

  before(async () => {
    image = await testkitImage()
    gateway = await TestGateway.start()
  })
  after(() => gateway.close())

  it('I9: answers no call by a revision older than the last one that was rolled out', async () => {
    let floor = 1
    let isCalling = true
    const wrong: string[] = []
    let calls = 0
    await gateway.apply('versioned', { image, replicas: 2, env: { VERSION: '1' } })
    await gateway.converged('versioned')
    const callers = Array.from({ length: 4 }, async () => {
      while (isCalling) {
        const atLeast = floor
        const { status, text } = await gateway.call('GET', '/function/versioned')
        calls++
        if (status !== 200 || Number(JSON.parse(text).env) < atLeast) wrong.push(`${status} ${atLeast} ${text}`)
      }
    })
    for (let version = 2; version <= 4; version++) {
      await gateway.apply('versioned', { image, replicas: 2, env: { VERSION: String(version) } })
      await gateway.converged('versioned')
      floor = version
    }
    await sleep(100)
    isCalling = false
    await Promise.all(callers)
    expect(calls).to.be.greaterThan(50)
    expect(wrong).to.deep.equal([])
  })

  it('X10: loses nothing idempotent of streams, long calls and uploads in an update, a scale down and a kill', async () => {
    const spec = { image, replicas: 3 }
    await gateway.apply('mixed', { ...spec, env: { VERSION: '1' } })
    await gateway.converged('mixed')
    let isCalling = true
    const outcomes: Record<string, string[]> = { short: [], long: [], stream: [], upload: [] }
    const again = async (kind: string, once: () => Promise<string>) => {
      while (isCalling) outcomes[kind]?.push(await once())
    }
    const statusOf = async (method: string, path: string, body?: string) =>
      String((await gateway.call(method, `/function/mixed${path}`, body)).status)
    const upload = 'x'.repeat(200_000)
    const callers = [
      ...Array.from({ length: 4 }, () => again('short', () => statusOf('GET', '/'))),
      ...Array.from({ length: 4 }, () => again('long', () => statusOf('GET', '/?delayMs=700'))),
      ...Array.from({ length: 4 }, () => again('upload', () => statusOf('POST', '/', upload))),
      ...Array.from({ length: 4 }, () =>
        again('stream', async () => {
          const { status, text } = await gateway.call('GET', '/function/mixed/stream?chunks=5&intervalMs=60')
          return status === 200 && text.endsWith('data: 4\n\n') ? '200' : `${status} ${text}`
        }).catch((err: NodeJS.ErrnoException) => void outcomes['stream']?.push(String(err.code)))
      )
    ]
    await gateway.apply('mixed', { ...spec, env: { VERSION: '2' } })
    await gateway.converged('mixed', 60_000)
    await gateway.scale('mixed', 2)
    await gateway.converged('mixed', 60_000)
    // Whatever was going on, an orderly change loses no call of any kind.
    expect(Object.values(outcomes).flatMap(list => list.filter(outcome => outcome !== '200'))).to.deep.equal([])
    const killedAt = Object.fromEntries(Object.entries(outcomes).map(([kind, list]) => [kind, list.length]))
    await gateway.docker.getContainer('mixed-0').kill()
    await gateway.converged('mixed', 60_000)
    isCalling = false
    await Promise.all(callers)
    for (const kind of ['short', 'long']) {
      expect(
        outcomes[kind]?.filter(outcome => outcome !== '200'),
        kind
      ).to.deep.equal([])
      expect(outcomes[kind]?.length, kind).to.be.greaterThan(killedAt[kind] ?? 0)
    }
    // What had begun to answer is cut off, and what may have had an effect is not sent twice.
    for (const outcome of outcomes['upload'] ?? []) expect(outcome).to.be.oneOf(['200', '502'])
    for (const outcome of outcomes['stream'] ?? []) expect(outcome).to.be.oneOf(['200', 'ECONNRESET'])
  })

  it('X10: answers 502 with a reason to a POST whose replica is killed', async () => {
    await gateway.apply('dying', { image, replicas: 1 })
    await gateway.converged('dying')
    const post = gateway.call('POST', '/function/dying?delayMs=20000', 'work')
    await eventually(async () => {
      const { status } = await gateway.call('GET', '/function/dying')
      expect(status).to.equal(200)
    })
    await gateway.docker.getContainer('dying-0').kill()
    const answer = await post
    expect([answer.status, answer.headers['x-docker-faas-reason']]).to.deep.equal([502, 'ConnectionLost'])
    expect(answer.text).to.contain('it may have done its work')
  })

  it('X10: carries out each POST of a function whose annotations ask for it, though replicas are killed', async () => {
    const annotations = {
      'com.openfaas.retry.codes': '502',
      'com.openfaas.retry.min_wait': '50ms',
      'com.openfaas.retry.max_wait': '500ms',
      'com.docker-faas.timeout.total': '40s'
    }
    await gateway.apply('insistent', { image, replicas: 2 }, { annotations })
    await gateway.converged('insistent')
    let isCalling = true
    const statuses: number[] = []
    const callers = Array.from({ length: 8 }, async () => {
      while (isCalling) statuses.push((await gateway.call('POST', '/function/insistent?delayMs=30', 'work')).status)
    })
    for (const replica of ['insistent-0', 'insistent-1']) {
      const before = statuses.length
      await eventually(() => expect(statuses.length).to.be.greaterThan(before + 20))
      await gateway.docker.getContainer(replica).kill()
      await gateway.converged('insistent', 60_000)
    }
    isCalling = false
    await Promise.all(callers)
    expect(new Set(statuses)).to.deep.equal(new Set([200]))
    const retried = /gateway_function_invocation_retries_total\{function_name="insistent\.openfaas-fn"\} (\d+)/
    expect(Number(retried.exec(await gateway.metrics())?.[1]), 'calls that were tried again').to.be.greaterThan(0)
  })

  it('I7: changes nothing in Docker and writes nothing down while all is well', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'docker-faas-quiet-'))
    const recorder = new FaultProxy(join(directory, 'sock'), run().host.slice('unix://'.length))
    await recorder.open()
    const quiet = await TestGateway.start({ DOCKER_HOST: recorder.host, RECONCILE_INTERVAL_SECONDS: '1' })
    try {
      for (const name of ['calm-a', 'calm-b']) await quiet.apply(name, { image, replicas: 2 })
      for (const name of ['calm-a', 'calm-b']) await quiet.converged(name)
      const database = new DatabaseSync(quiet.databasePath, { readOnly: true })
      const version = () => database.prepare('PRAGMA data_version').get()?.['data_version']
      const writtenBefore = version()
      recorder.calls.length = 0
      await sleep(QUIET_MS)
      expect(recorder.calls.filter(call => !/^(GET|HEAD) /.test(call))).to.deep.equal([])
      expect(recorder.calls.length, 'looks at Docker').to.be.greaterThan(4)
      expect(version(), 'writes to the database').to.equal(writtenBefore)
      // It would have been seen: a write, and a change.
      await quiet.scale('calm-a', 1)
      await quiet.converged('calm-a')
      expect(version()).not.to.equal(writtenBefore)
      expect(recorder.calls.some(call => call.startsWith('POST /containers/'))).to.equal(true)
      database.close()
    } finally {
      await quiet.close()
      recorder.close()
      await rm(directory, { recursive: true })
    }
  })
})
