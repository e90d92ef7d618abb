import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { systemClock } from '../../src/clock.ts'
import { createDockerEngine, type DockerEngine } from '../../src/engine/docker.ts'
import type { ImageState } from '../../src/engine/image-state.ts'
import { ImagePuller, type PullPolicy } from '../../src/engine/images.ts'
import { createRegistryAuth, type RegistryAuth } from '../../src/engine/registry-auth.ts'
import { PRODUCT_HOST } from '../helpers/product-engine.ts'
import { Registry } from '../helpers/registry.ts'

const CREDENTIALS = { username: 'faas', password: 'correct horse' }

describe('ImagePuller with a registry and Docker', function () {
  this.timeout(60_000)
  let open: Registry
  let closed: Registry
  let directory: string
  /** What `REGISTRY_AUTH_FILE` names. */
  let file: string
  const engines: DockerEngine[] = []
  const pullers: ImagePuller[] = []

  before(async function () {
    this.timeout(300_000)
    open = await Registry.start()
    closed = await Registry.start({ credentials: CREDENTIALS })
    directory = await mkdtemp(join(tmpdir(), 'registry-auth-'))
    file = join(directory, 'config.json')
  })

  afterEach(async () => {
    for (const puller of pullers.splice(0)) await puller.stop()
    for (const engine of engines.splice(0)) await engine[Symbol.asyncDispose]()
  })

  after(async () => {
    await open[Symbol.asyncDispose]()
    await closed[Symbol.asyncDispose]()
    await rm(directory, { recursive: true })
  })

  /** Writes what `docker login` would; undefined: nobody is logged in. */
  async function login(password: string | undefined): Promise<void> {
    const auth = Buffer.from(`${CREDENTIALS.username}:${password}`).toString('base64')
    await writeFile(
      file,
      JSON.stringify({ auths: password === undefined ? {} : { [`127.0.0.1:${closed.port}`]: { auth } } })
    )
  }

  function aPuller({
    policy = 'IfNotPresent' as PullPolicy,
    registryAuth = undefined as RegistryAuth | undefined
  } = {}) {
    const engine = createDockerEngine({ host: PRODUCT_HOST, ...(registryAuth === undefined ? {} : { registryAuth }) })
    engines.push(engine)
    const pulls: string[] = []
    const waiting: (() => void)[] = []
    const puller = new ImagePuller({
      engine: {
        inspectImage: (reference, signal) => engine.inspectImage(reference, signal),
        pullImage: (reference, onProgress, signal) => {
          pulls.push(reference)
          return engine.pullImage(reference, onProgress, signal)
        }
      },
      policy,
      clock: systemClock,
      random: () => 0.999,
      onSettled: () => {
        for (const wake of waiting.splice(0)) wake()
      }
    })
    pullers.push(puller)
    /** Comes again whenever a pull ended, as the loop does. */
    const settle = async (reference: string, fresh = false): Promise<ImageState> => {
      while (true) {
        const settled = new Promise<void>(resolve => waiting.push(resolve))
        const state = await puller.ensure(reference, { fresh })
        if (state.state !== 'pulling') return state
        await settled
      }
    }
    return { puller, pulls, settle }
  }

  it('G3: pulls what is missing, gives its digest, and needs no registry afterwards', async () => {
    const digest = await open.push('team/fn:1', 'one')
    const { pulls, settle } = aPuller()
    const state = await settle(open.reference('team/fn:1'))
    expect(state).to.include({ state: 'present', digest })
    await open.halt()
    try {
      expect(await settle(open.reference('team/fn:1'), true)).to.deep.equal(state)
      expect(pulls).to.have.length(1)
    } finally {
      await open.resume()
    }
  })

  it('pulls by digest', async () => {
    const digest = await open.push('team/pinned:1', 'pinned')
    const { pulls, settle } = aPuller({ policy: 'Always' })
    expect(await settle(digest, true)).to.include({ state: 'present', digest })
    expect(pulls).to.deep.equal([digest])
  })

  it('pulls once for ten that wait', async () => {
    await open.push('team/ten:1', 'ten')
    const { pulls, settle } = aPuller({ policy: 'Always' })
    const states = await Promise.all(Array.from({ length: 10 }, () => settle(open.reference('team/ten:1'), true)))
    expect(new Set(states.map(s => s.state))).to.deep.equal(new Set(['present']))
    expect(pulls).to.have.length(1)
  })

  it('G1: says no-image of a tag and of a repository that are not there', async () => {
    await open.push('team/tags:1', 'tags')
    const { settle } = aPuller()
    for (const name of ['team/tags:missing', 'team/nowhere:1']) {
      const state = await settle(open.reference(name))
      expect(state).to.include({ state: 'failed', fault: 'no-image' })
    }
  })

  it('G2: says unauthorized without credentials and with wrong ones, and pulls with the right ones', async () => {
    const digest = await closed.push('team/secret:1', 'secret')
    const reference = closed.reference('team/secret:1')
    for (const password of [undefined, 'wrong']) {
      await login(password)
      const state = await aPuller({ registryAuth: createRegistryAuth({ file }) }).settle(reference)
      expect(state).to.include({ state: 'failed', fault: 'unauthorized' })
      if (state.state === 'failed') expect(state.retryAt - Date.now()).to.be.greaterThan(20_000)
    }
    await login(CREDENTIALS.password)
    const { settle } = aPuller({ registryAuth: createRegistryAuth({ file }) })
    expect(await settle(reference)).to.include({ state: 'present', digest })
  })

  it('G2: a login counts at once for a reference that is then forgotten', async () => {
    await closed.push('team/late:1', 'late')
    const reference = closed.reference('team/late:1')
    await login(undefined)
    const { puller, pulls, settle } = aPuller({ registryAuth: createRegistryAuth({ file }) })
    expect(await settle(reference)).to.include({ state: 'failed', fault: 'unauthorized' })
    await login(CREDENTIALS.password)
    expect(await settle(reference)).to.include({ state: 'failed' })
    expect(pulls).to.have.length(1)
    puller.forget(reference)
    expect(await settle(reference)).to.include({ state: 'present' })
  })

  it('G3: says unavailable while the registry is down, backs off, and pulls when it is back', async () => {
    const digest = await open.push('team/down:1', 'down')
    const reference = open.reference('team/down:1')
    const { pulls, settle } = aPuller()
    await open.halt()
    try {
      expect(await settle(reference)).to.include({ state: 'failed', fault: 'unavailable' })
      const again = await settle(reference)
      expect(again).to.include({ state: 'failed', fault: 'unavailable' })
      expect(pulls).to.have.length(1)
      if (again.state === 'failed') expect(again.retryAt).to.be.greaterThan(Date.now())
    } finally {
      await open.resume()
    }
    let state = await settle(reference)
    while (state.state === 'failed') state = await settle(reference)
    expect(state).to.include({ state: 'present', digest })
  })

  it('G3: goes on with what is there when the registry is down, and says so', async () => {
    const digest = await open.push('team/stale:1', 'stale')
    const reference = open.reference('team/stale:1')
    await aPuller().settle(reference)
    await open.halt()
    try {
      const state = await aPuller({ policy: 'Always' }).settle(reference, true)
      expect(state).to.include({ state: 'present', digest })
      expect(state)
        .to.have.property('stale')
        .that.matches(/refused/)
    } finally {
      await open.resume()
    }
  })

  it('G6: a moved tag changes a new revision with policy Always, and nothing else', async () => {
    const reference = open.reference('team/moved:1')
    const first = await open.push('team/moved:1', 'first')
    const second = await open.push('team/moved:1', 'second')
    expect(second).to.not.equal(first)
    await aPuller().settle(first)
    await open.tag(first, 'team/moved:1')
    expect(await aPuller().settle(reference, true)).to.include({ digest: first })
    const { settle } = aPuller({ policy: 'Always' })
    expect(await settle(reference)).to.include({ digest: first })
    expect(await settle(reference, true)).to.include({ digest: second })
    expect(await settle(first)).to.include({ digest: first })
  })
})
