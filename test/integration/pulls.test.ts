import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { importImage, useTestRun } from '../helpers/docker-run.ts'
import { eventually } from '../helpers/eventually.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { Registry } from '../helpers/registry.ts'
import { RegistryProxy } from '../helpers/registry-proxy.ts'

const CREDENTIALS = { username: 'faas', password: 'correct horse' }
const SOON = { timeoutMs: 20_000 }

describe('images of functions that come from a registry', function () {
  this.timeout(60_000)
  const run = useTestRun()
  let open: Registry
  let closed: Registry
  let proxy: RegistryProxy
  let directory: string
  let gateway: TestGateway

  before(async function () {
    this.timeout(300_000)
    open = await Registry.start()
    closed = await Registry.start({ credentials: CREDENTIALS })
    proxy = await RegistryProxy.start(open)
    directory = await mkdtemp(join(tmpdir(), 'pulls-'))
    gateway = await TestGateway.start({
      ...{ IMAGE_PULL_POLICY: 'Always', PULL_INACTIVITY_TIMEOUT: '1s' },
      ...{ STOP_GRACE: '1s', REGISTRY_AUTH_FILE: join(directory, 'config.json') }
    })
  })
  after(async () => {
    await gateway?.close()
    await removePulled()
    await proxy?.[Symbol.asyncDispose]()
    await open?.[Symbol.asyncDispose]()
    await closed?.[Symbol.asyncDispose]()
    await rm(directory, { recursive: true })
  })
  beforeEach(() => {
    proxy.mood = { kind: 'well' }
  })

  /** What has the proxy's address in its name; the registry removes what has its own. */
  async function removePulled(): Promise<void> {
    const tags = (await run().docker.listImages()).flatMap(image => image.RepoTags ?? [])
    for (const tag of tags.filter(name => name.startsWith(proxy.reference(''))))
      await run().docker.getImage(tag).remove()
  }

  /** Pushes a function that runs, another one at each call. Gives its digest. */
  async function publish(registry: Registry, name: string): Promise<string> {
    await importImage(run().docker, registry.reference(name), run().instance, '["/bin/sh", "/entry"]')
    return registry.publish(name)
  }
  const idOf = async (reference: string) => (await run().docker.getImage(reference).inspect()).Id
  const serves = async (name: string) => (await gateway.call('GET', `/function/${name}`)).status === 200

  /** Ids of the images that the function's containers are made of. */
  async function imagesOf(name: string): Promise<string[]> {
    const names = await gateway.containers(name)
    return Promise.all(names.map(async each => (await gateway.docker.getContainer(each).inspect()).Image))
  }

  it('G1: says ImageNotFound of a tag that is not there, and the old revision serves on', async () => {
    await publish(open, 'team/g1:1')
    await gateway.apply('g1', { image: open.reference('team/g1:1') })
    await gateway.converged('g1')
    const before = await gateway.containers('g1')
    await gateway.apply('g1', { image: open.reference('team/g1:2') })
    const condition = await gateway.reason('g1', 'Degraded', 'ImageNotFound')
    expect(condition.message).to.contain('team/g1:2')
    expect(await gateway.containers('g1')).to.deep.equal(before)
    expect(await serves('g1')).to.equal(true)
  })

  it('G2: says ImagePullUnauthorized without credentials, and pulls as soon as they are there', async () => {
    await publish(closed, 'team/g2:1')
    await gateway.apply('g2', { image: closed.reference('team/g2:1') })
    await gateway.reason('g2', 'Degraded', 'ImagePullUnauthorized')
    const auth = Buffer.from(`${CREDENTIALS.username}:${CREDENTIALS.password}`).toString('base64')
    await writeFile(
      join(directory, 'config.json'),
      JSON.stringify({ auths: { [`127.0.0.1:${closed.port}`]: { auth } } })
    )
    // The first wait after a refusal is up to 30 s, and to 5 min later. A short wait may end before the change is noticed.
    await gateway.converged('g2', 10_000)
    await eventually(() => expect(gateway.log.join('')).to.contain('Registry credentials changed'))
  })

  for (const [status, code] of [
    [429, 'TOOMANYREQUESTS'],
    [503, 'UNAVAILABLE']
  ] as const) {
    it(`G3: goes on with the image that is there while the registry answers ${status}, and backs off`, async () => {
      const name = `g3-${status}`
      await publish(open, `team/${name}:1`)
      const reference = proxy.reference(`team/${name}:1`)
      await gateway.apply(name, { image: reference })
      await gateway.converged(name)
      proxy.mood = { kind: 'refuse', status, body: { errors: [{ code, message: code.toLowerCase() }] } }
      await gateway.apply(name, { image: reference, env: { NEW: '1' } })
      await gateway.converged(name)
      await gateway.apply(name, { image: proxy.reference(`team/${name}:2`) })
      await gateway.reason(name, 'Degraded', 'ImagePullFailed')
      const asked = proxy.requests.length
      expect(asked).to.be.below(60)
      expect(await serves(name)).to.equal(true)
    })
  }

  it('G4: tells the progress of slow pulls, of which two run at once, and gives none up that goes on', async () => {
    const names = ['g4-a', 'g4-b', 'g4-c']
    for (const name of names) await open.push(`team/${name}:1`, randomBytes(2 ** 20).toString('hex'))
    proxy.mood = { kind: 'slow', bytesPerSecond: 600_000 }
    for (const name of names) await gateway.apply(name, { image: proxy.reference(`team/${name}:1`) })
    await eventually(async () => {
      const condition = await gateway.reason('g4-a', 'Progressing', 'ImagePulling')
      expect(condition.message).to.match(/pulled: \d\.\d of 1\.\d MiB/)
    }, SOON)
    for (const name of names) {
      await eventually(async () => expect((await gateway.get(name)).status.image).to.be.an('object'), SOON)
    }
    expect(proxy.mostAtOnce).to.equal(2)
  })

  it('G5: serves on when its image is removed by hand, and pulls the same again by digest, though its tag has moved', async () => {
    const digest = await publish(open, 'team/g5:1')
    await gateway.apply('g5', { image: open.reference('team/g5:1') })
    await gateway.converged('g5')
    const [id = ''] = await imagesOf('g5')
    await gateway.docker.getImage(open.reference('team/g5:1')).remove({ force: true })
    expect(await serves('g5')).to.equal(true)
    await gateway.scale('g5', 0)
    await eventually(async () => expect(await gateway.containers('g5')).to.deep.equal([]), SOON)
    await gateway.docker.getImage(id).remove({ force: true }).catch(ignoreGone)
    await publish(open, 'team/g5:1')
    await gateway.scale('g5', 1)
    await gateway.converged('g5')
    expect(await imagesOf('g5')).to.deep.equal([id])
    expect((await gateway.get('g5')).status.image?.digest).to.equal(digest)
  })

  it('G6: a moved tag is taken by the next revision alone, and no two of them serve together in the end', async () => {
    const reference = open.reference('team/g6:1')
    const first = await publish(open, 'team/g6:1')
    await gateway.apply('g6', { image: reference })
    await gateway.converged('g6')
    const firstId = await idOf(first)
    const second = await publish(open, 'team/g6:1')
    await gateway.scale('g6', 3)
    await gateway.converged('g6')
    expect(await imagesOf('g6')).to.deep.equal([firstId, firstId, firstId])
    await gateway.apply('g6', { image: reference, env: { NEW: '1' }, replicas: 3 })
    await gateway.converged('g6')
    const secondId = await idOf(second)
    expect(secondId).to.not.equal(firstId)
    expect(await imagesOf('g6')).to.deep.equal([secondId, secondId, secondId])
    expect((await gateway.get('g6')).status.image?.digest).to.equal(second)
  })
})

function ignoreGone(err: { readonly statusCode?: number }): void {
  if (err.statusCode !== 404) throw err
}
