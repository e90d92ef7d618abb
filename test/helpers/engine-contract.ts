import { createHash } from 'node:crypto'
import { expect } from 'chai'
import type { StringMap } from '../../api/meta.ts'
import type { ContainerSpec, Engine, EngineEvent } from '../../src/engine/engine.ts'
import { EngineError, type EngineFault } from '../../src/engine/faults.ts'
import { describeLogs } from './engine-contract-logs.ts'
import { eventually } from './eventually.ts'

/** An engine under test, and what only a person (or a test) would do to it. */
export interface EngineUnderTest {
  readonly engine: Engine
  /** On every object that the suite makes. */
  readonly labels: StringMap
  readonly prefix: string
  /** An image whose process runs until it is told to end, and ends at SIGTERM. */
  readonly image: string
  readonly subnet: () => string
  readonly pause: (name: string) => Promise<void>
  /** Makes an image of its own with that tag; gives its id. `volume` is a path at which its containers get one of no name. */
  readonly addImage: (reference: string, options?: { user?: string; volume?: string }) => Promise<string>
  readonly addTag: (imageId: string, reference: string) => Promise<void>
  readonly addVolume: (name: string, labels: StringMap) => Promise<void>
  /** A TCP port of the host that is free. */
  readonly freePort: () => Promise<number>
  /** A process of the host listens on the port until what comes back is called. */
  readonly holdPort: (port: number) => Promise<() => Promise<void>>
}

/** What holds for every `Engine`: run against the real one and against the fake, so that the fake stays honest. */
export function describeEngine(name: string, setUp: () => EngineUnderTest): void {
  describe(`${name} keeps the engine's contract`, () => {
    const made = { containers: new Set<string>(), networks: new Set<string>() }
    let t: EngineUnderTest
    let network: string
    let count = 0

    before(() => {
      t = setUp()
    })
    beforeEach(async () => {
      network = await aNetwork()
    })
    afterEach(async () => {
      for (const id of made.containers) await t.engine.removeContainer(id)
      for (const id of made.networks) await eventually(() => t.engine.removeNetwork(id))
      made.containers.clear()
      made.networks.clear()
    })

    const aName = () => `${t.prefix}c${count++}`
    async function aNetwork(): Promise<string> {
      const networkName = aName()
      made.networks.add(await t.engine.createNetwork({ name: networkName, labels: t.labels, subnet: t.subnet() }))
      return networkName
    }
    const aSpec = (over: Partial<ContainerSpec> = {}): ContainerSpec => ({
      name: aName(),
      image: t.image,
      labels: t.labels,
      env: {},
      network,
      memoryBytes: 32 * 1024 * 1024,
      memoryReservationBytes: 0,
      nanoCpus: 500_000_000,
      cpuShares: 0,
      pidsLimit: 32,
      readOnlyRootFilesystem: true,
      tmpfs: { '/tmp': 1024 * 1024 },
      ports: [],
      logMaxBytes: 1024 * 1024,
      ...over
    })
    async function create(over: Partial<ContainerSpec> = {}): Promise<ContainerSpec & { id: string }> {
      const spec = aSpec(over)
      const id = await t.engine.createContainer(spec)
      made.containers.add(id)
      return { ...spec, id }
    }
    async function run(over: Partial<ContainerSpec> = {}) {
      const container = await create(over)
      await t.engine.startContainer(container.name)
      return container
    }
    async function inspect(nameOrId: string) {
      const found = await t.engine.inspectContainer(nameOrId)
      if (found === undefined) throw new Error(`container ${nameOrId} is not there`)
      return found
    }
    const exited = (nameOrId: string) =>
      eventually(async () => expect((await inspect(nameOrId)).state).to.equal('exited'))

    describe('ping', () => {
      it('tells the clock of an engine that answers, and ends when it is aborted', async () => {
        expect(Math.abs(await t.engine.ping())).to.be.below(5000)
        await rejects('aborted', t.engine.ping(AbortSignal.abort()))
      })
    })

    describe('info', () => {
      it('says who and how large the engine is', async () => {
        const info = await t.engine.info()
        expect(info.id).to.not.equal('')
        expect(info.version).to.match(/^\d+\./)
        expect(info.apiVersion).to.match(/^\d+\.\d+$/)
        expect(info.cpus).to.be.greaterThan(0)
        expect(info.memoryBytes).to.be.greaterThan(0)
        expect((await t.engine.info()).id).to.equal(info.id)
      })

      it('says what guards containers, what can be limited, and which runtimes there are', async () => {
        const { guards, canLimitCpu, runtimes } = await t.engine.info()
        expect(guards).to.include('seccomp')
        expect(canLimitCpu).to.equal(true)
        expect(runtimes).to.include('runc')
      })
    })

    describe('containers', () => {
      it('run as a user of their own, with a tmpfs and a resolver', async () => {
        const dns = { nameservers: ['10.9.9.9'], searches: ['a.example'], options: ['ndots:2'] }
        const { id } = await run({ user: '1000:1000', tmpfs: { '/tmp': 2 ** 20, '/cache': 2 ** 20 }, dns })
        expect((await inspect(id)).state).to.equal('running')
      })

      it('are created, not started, with what the spec says', async () => {
        const spec = await create({ labels: { ...t.labels, 'x.y/z': 'a=b,c' } })
        const found = await inspect(spec.name)
        expect(found).to.include({ id: spec.id, name: spec.name, state: 'created', stopSignal: 'SIGTERM' })
        expect(found).to.include({
          memoryBytes: spec.memoryBytes,
          nanoCpus: spec.nanoCpus,
          error: '',
          oomKilled: false
        })
        expect(found.labels).to.include({ ...t.labels, 'x.y/z': 'a=b,c' })
        expect(found.imageId).to.equal((await t.engine.inspectImage(t.image))?.id)
        expect(found.networks[network]?.ipAddress).to.equal('')
        expect(found.ports).to.deep.equal([])
        expect(found).to.not.have.any.keys('startedAt', 'finishedAt')
      })

      it('are found by id as by name', async () => {
        const { id, name } = await create()
        expect((await inspect(id)).name).to.equal(name)
      })

      it('that are not there are undefined', async () => {
        expect(await t.engine.inspectContainer(aName())).to.equal(undefined)
      })

      it('are listed by all labels asked for, an empty value meaning any', async () => {
        const mine = await create({ labels: { ...t.labels, color: 'red' } })
        const other = await create({ labels: { ...t.labels, color: 'blue' } })
        const names = async (labels: StringMap) =>
          (await t.engine.listContainers({ ...t.labels, ...labels })).map(c => c.name).toSorted()
        expect(await names({ color: 'red' })).to.deep.equal([mine.name])
        expect(await names({ color: '' })).to.deep.equal([mine.name, other.name].toSorted())
        expect(await names({ color: 'green' })).to.deep.equal([])
      })

      it('are listed in every state, with id, image and labels', async () => {
        const { id, name } = await create()
        const found = (await t.engine.listContainers(t.labels)).find(c => c.id === id)
        const { imageId } = await inspect(id)
        expect(found).to.include({ name, state: 'created', imageId })
        expect(found?.labels).to.include(t.labels)
      })

      it('have names that are the lock', async () => {
        const { name } = await create()
        await rejects('name-in-use', t.engine.createContainer(aSpec({ name })))
      })

      it('need an image', async () => {
        await rejects('no-image', t.engine.createContainer(aSpec({ image: 'docker-faas-test/missing:1' })))
      })

      it('have a runtime of the engine', async () => {
        const { state } = await inspect((await run({ runtime: 'runc' })).name)
        expect(state).to.equal('running')
        await rejects('other', t.engine.createContainer(aSpec({ runtime: 'missing' })))
      })

      it('need a network', async () => {
        const spec = aSpec({ network: aName() })
        await rejects('not-found', t.engine.createContainer(spec))
        expect(await t.engine.inspectContainer(spec.name)).to.equal(undefined)
      })

      it('start, with an address of the network, and starting again is done', async () => {
        const { name } = await run()
        await t.engine.startContainer(name)
        const found = await inspect(name)
        expect(found.state).to.equal('running')
        expect(found.startedAt).to.be.at.least(found.createdAt)
        expect(found.networks[network]?.ipAddress).to.match(/^\d+\.\d+\.\d+\.\d+$/)
        expect(found.networks[network]?.networkId).to.equal((await t.engine.inspectNetwork(network))?.id)
      })

      it('that are not there cannot be started', async () => {
        await rejects('not-found', t.engine.startContainer(aName()))
      })

      it('whose network went away cannot be started', async () => {
        const { name } = await create()
        await t.engine.removeNetwork((await t.engine.inspectNetwork(network))?.id ?? '')
        await rejects('not-found', t.engine.startContainer(name))
      })

      it('publish ports on an address, picked by the engine when 0', async () => {
        const { name } = await run({ ports: [{ containerPort: 9229, address: '127.0.0.1', hostPort: 0 }] })
        const { ports } = await inspect(name)
        expect(ports).to.have.length(1)
        expect(ports[0]).to.include({ containerPort: 9229, address: '127.0.0.1' })
        expect(ports[0]?.hostPort).to.be.greaterThan(0)
      })

      it('cannot share a port of the host', async () => {
        const port = { containerPort: 9229, address: '127.0.0.1', hostPort: await t.freePort() }
        await run({ ports: [port] })
        const { name } = await create({ ports: [port] })
        await rejects('port-in-use', t.engine.startContainer(name))
        expect((await inspect(name)).state).to.not.equal('running')
      })

      it('cannot be given a port that another process of the host listens on, until it ends', async () => {
        const hostPort = await t.freePort()
        const release = await t.holdPort(hostPort)
        const { name } = await create({ ports: [{ containerPort: 9229, address: '127.0.0.1', hostPort }] })
        await rejects('port-in-use', t.engine.startContainer(name))
        const { state, error, ports } = await inspect(name)
        expect({ state, ports }).to.deep.equal({ state: 'created', ports: [] })
        expect(error).to.contain(`:${hostPort}`)
        await release()
        await eventually(() => t.engine.startContainer(name))
        expect((await inspect(name)).ports[0]).to.include({ address: '127.0.0.1', hostPort })
      })

      it('cannot be given a port on an address that the host does not have', async () => {
        const binding = { containerPort: 9229, address: '192.0.2.77', hostPort: await t.freePort() }
        const { name } = await create({ ports: [binding] })
        await rejects('no-address', t.engine.startContainer(name))
        expect((await inspect(name)).error).to.contain('cannot assign requested address')
      })

      it('are listed with the ports that are bound, all containers when no label is asked for', async () => {
        const binding = { containerPort: 9229, address: '::1', hostPort: await t.freePort() }
        const { id, name } = await run({ ports: [binding] })
        const portsNow = async () => (await t.engine.listContainers({})).find(each => each.id === id)?.ports
        expect(await portsNow()).to.deep.equal([binding])
        await t.engine.signalContainer(name, 'SIGKILL')
        await exited(name)
        expect(await portsNow()).to.deep.equal([])
      })

      it('lose their ports with their network, and get them back with it, unless somebody took one', async () => {
        const hostPort = await t.freePort()
        const { name } = await run({ ports: [{ containerPort: 9229, address: '127.0.0.1', hostPort }] })
        const before = (await inspect(name)).ports
        await t.engine.disconnectNetwork(network, name)
        expect((await inspect(name)).ports).to.deep.equal([])
        await t.engine.connectNetwork(network, name)
        expect((await inspect(name)).ports).to.deep.equal(before)
        await t.engine.disconnectNetwork(network, name)
        const release = await t.holdPort(hostPort)
        await rejects('port-in-use', t.engine.connectNetwork(network, name))
        await release()
      })

      it('end at their stop signal', async () => {
        const { name } = await run()
        await eventually(async () => {
          await t.engine.signalContainer(name, 'SIGTERM')
          expect((await inspect(name)).state).to.equal('exited')
        })
        const found = await inspect(name)
        expect(found.finishedAt).to.be.at.least(found.startedAt ?? Infinity)
        expect(found.networks[network]?.ipAddress).to.equal('')
      })

      it('end with 137 at SIGKILL; signalling what does not run, or is not there, is done', async () => {
        const { name } = await run()
        await t.engine.signalContainer(name, 'SIGKILL')
        await exited(name)
        expect((await inspect(name)).exitCode).to.equal(137)
        await t.engine.signalContainer(name, 'SIGKILL')
        await t.engine.signalContainer(aName(), 'SIGTERM')
      })

      it('start again after they ended', async () => {
        const { name } = await run()
        await t.engine.signalContainer(name, 'SIGKILL')
        await exited(name)
        await t.engine.startContainer(name)
        expect(await inspect(name)).to.include({ state: 'running', exitCode: 0 })
      })

      it('are unpaused, also when they are not paused', async () => {
        const { name } = await run()
        await t.pause(name)
        expect((await inspect(name)).state).to.equal('paused')
        await t.engine.unpauseContainer(name)
        expect((await inspect(name)).state).to.equal('running')
        await t.engine.unpauseContainer(name)
        await rejects('not-found', t.engine.unpauseContainer(aName()))
      })

      it('are paused, also when they are paused or do not run, and keep their address', async () => {
        const { name } = await run()
        const { networks } = await inspect(name)
        await t.engine.pauseContainer(name)
        expect(await inspect(name)).to.deep.include({ state: 'paused', networks })
        await t.engine.pauseContainer(name)
        await t.engine.removeContainer(name)
        const idle = await create()
        await t.engine.pauseContainer(idle.name)
        expect((await inspect(idle.name)).state).to.equal('created')
        await rejects('not-found', t.engine.pauseContainer(aName()))
      })

      it('that are paused end when they are thawed and asked to', async () => {
        const { name } = await run()
        await t.engine.pauseContainer(name)
        await t.engine.unpauseContainer(name)
        await t.engine.signalContainer(name, 'SIGKILL')
        await exited(name)
      })

      it('that are paused are neither started nor lost', async () => {
        const { name } = await run()
        await t.pause(name)
        await rejects('busy', t.engine.startContainer(name))
        await t.engine.removeContainer(name)
        expect(await t.engine.inspectContainer(name)).to.equal(undefined)
      })

      it('are renamed while they run, and give their name free', async () => {
        const { id, name } = await run()
        const moved = `${name}-0a1b2c3d`
        await t.engine.renameContainer(name, moved)
        expect((await inspect(moved)).id).to.equal(id)
        await create({ name })
        await rejects('name-in-use', t.engine.renameContainer(moved, name))
        await rejects('not-found', t.engine.renameContainer(aName(), aName()))
      })

      it('are removed while they run, and removing again is done', async () => {
        const { name } = await run()
        await t.engine.removeContainer(name)
        expect(await t.engine.inspectContainer(name)).to.equal(undefined)
        await t.engine.removeContainer(name)
        await create({ name })
      })

      it('have a log', async () => {
        const { name } = await create()
        expect(await t.engine.tailLogs(name, 10)).to.equal('')
        await rejects('not-found', t.engine.tailLogs(aName(), 10))
      })
    })

    describeLogs(() => ({ engine: t.engine, aName, create, run, exited, rejects }))

    describe('the usage of a container', () => {
      it('grows while it runs, also when it is paused, and is known at once', async () => {
        const { id, name } = await run()
        const first = await t.engine.usage(id)
        expect(first?.workingSetBytes).to.be.greaterThan(0)
        await t.pause(name)
        const second = await t.engine.usage(name)
        expect(second?.cpuNanos).to.be.at.least(first?.cpuNanos ?? Number.NaN)
        expect(second?.readAt).to.be.at.least(first?.readAt ?? Number.NaN)
        expect(first?.readAt).to.be.greaterThan(1e12)
      })

      it('is not there when it does not run', async () => {
        const { id, name } = await create()
        expect(await t.engine.usage(id)).to.equal(undefined)
        await t.engine.startContainer(name)
        await t.engine.signalContainer(name, 'SIGKILL')
        await exited(name)
        expect(await t.engine.usage(name)).to.equal(undefined)
        await t.engine.removeContainer(name)
        expect(await t.engine.usage(name)).to.equal(undefined)
      })
    })

    describe('a list', () => {
      const listed = async (id: string) => (await t.engine.listContainers(t.labels)).find(c => c.id === id)
      /** What is compared to learn whether anything changed since somebody inspected it. */
      const agrees = async (id: string, state: string) => {
        const { name, state: inspected, networks } = await inspect(id)
        expect(inspected).to.equal(state)
        const summary = await listed(id)
        expect({ name: summary?.name, state: summary?.state, networks: summary?.networks }).to.deep.equal({
          ...{ name, state: inspected, networks }
        })
      }

      it('says of a container in each state what an inspection says', async () => {
        const { id, name } = await create()
        await agrees(id, 'created')
        await t.engine.startContainer(id)
        await agrees(id, 'running')
        await t.pause(name)
        await agrees(id, 'paused')
        await t.engine.unpauseContainer(id)
        await t.engine.renameContainer(id, `${name}-moved`)
        await agrees(id, 'running')
        await t.engine.signalContainer(id, 'SIGKILL')
        await exited(id)
        await agrees(id, 'exited')
      })

      it('says on which networks a container is, as an inspection does', async () => {
        const { id, name } = await run()
        const second = await aNetwork()
        await t.engine.connectNetwork(second, name)
        await agrees(id, 'running')
        expect(Object.keys((await listed(id))?.networks ?? {}).toSorted()).to.deep.equal([network, second].toSorted())
        await t.engine.disconnectNetwork(network, name)
        await agrees(id, 'running')
        expect(Object.keys((await listed(id))?.networks ?? {})).to.deep.equal([second])
      })
    })

    describe('networks', () => {
      it('are found by name, with subnet, labels and no members', async () => {
        const subnet = t.subnet()
        const name = aName()
        const id = await t.engine.createNetwork({ name, labels: t.labels, subnet })
        made.networks.add(id)
        const found = await t.engine.inspectNetwork(name)
        expect(found).to.include({ id, name })
        expect(found?.subnets).to.deep.equal([subnet])
        expect(found?.labels).to.include(t.labels)
        expect(found?.members).to.deep.equal([])
        expect((await t.engine.listNetworks()).find(n => n.id === id)?.subnets).to.deep.equal([subnet])
      })

      it('lead out of the host, unless they have a bridge of their own', async () => {
        const name = aName()
        const closedBridge = `dfi-${createHash('sha256').update(name).digest('hex').slice(0, 10)}`
        made.networks.add(await t.engine.createNetwork({ name, labels: t.labels, subnet: t.subnet(), closedBridge }))
        expect((await t.engine.inspectNetwork(name))?.closedBridge).to.equal(closedBridge)
        expect((await t.engine.listNetworks()).find(n => n.name === name)?.closedBridge).to.equal(closedBridge)
        expect(await t.engine.inspectNetwork(network)).to.not.have.property('closedBridge')
      })

      it('are not found by a part of their name', async () => {
        expect(await t.engine.inspectNetwork(network.slice(0, -1))).to.equal(undefined)
      })

      it('have names that are taken once', async () => {
        const again = { name: network, labels: t.labels, subnet: t.subnet() }
        await rejects('name-in-use', t.engine.createNetwork(again))
      })

      it('N4: do not overlap', async () => {
        const [subnet = ''] = (await t.engine.inspectNetwork(network))?.subnets ?? []
        await rejects('subnet-overlap', t.engine.createNetwork({ name: aName(), labels: t.labels, subnet }))
      })

      it('list the running containers that are attached, and are busy meanwhile', async () => {
        const { id, name } = await run()
        await create()
        const found = await t.engine.inspectNetwork(network)
        expect(found?.members).to.deep.equal([id])
        await rejects('busy', t.engine.removeNetwork(found?.id ?? ''))
        await t.engine.removeContainer(name)
        await eventually(() => t.engine.removeNetwork(found?.id ?? ''))
      })

      it('are removed, and removing again is done', async () => {
        const id = (await t.engine.inspectNetwork(network))?.id ?? ''
        await t.engine.removeNetwork(id)
        await t.engine.removeNetwork(id)
        expect(await t.engine.inspectNetwork(network)).to.equal(undefined)
      })

      it('N7: take and let go of a running container, twice as well as once', async () => {
        const { id, name } = await run()
        const second = await aNetwork()
        await t.engine.connectNetwork(second, name)
        await t.engine.connectNetwork(second, name)
        expect((await t.engine.inspectNetwork(second))?.members).to.deep.equal([id])
        expect((await inspect(name)).networks[second]?.ipAddress).to.not.equal('')
        await t.engine.disconnectNetwork(second, name)
        await t.engine.disconnectNetwork(second, name)
        expect((await t.engine.inspectNetwork(second))?.members).to.deep.equal([])
        expect(Object.keys((await inspect(name)).networks)).to.deep.equal([network])
      })

      it('cannot take what is not there, but can let go of it', async () => {
        const { name } = await run()
        await rejects('not-found', t.engine.connectNetwork(network, aName()))
        await rejects('not-found', t.engine.connectNetwork(aName(), name))
        await t.engine.disconnectNetwork(network, aName())
        await t.engine.disconnectNetwork(aName(), name)
      })
    })

    describe('volumes', () => {
      it('are listed by label and removed, twice as well as once', async () => {
        const name = aName()
        await t.addVolume(name, { ...t.labels, kind: 'volume' })
        const [found, ...others] = await t.engine.listVolumes({ ...t.labels, kind: 'volume' })
        expect(others).to.deep.equal([])
        expect(found?.name).to.equal(name)
        expect(found?.labels).to.include(t.labels)
        await t.engine.removeVolume(name)
        await t.engine.removeVolume(name)
        expect(await t.engine.listVolumes({ ...t.labels, kind: 'volume' })).to.deep.equal([])
      })

      it('are inspected by name, and undefined when they are not there', async () => {
        const name = aName()
        expect(await t.engine.inspectVolume(name)).to.equal(undefined)
        await t.addVolume(name, { ...t.labels, color: 'blue' })
        expect((await t.engine.inspectVolume(name))?.labels).to.include({ color: 'blue' })
        await t.engine.removeVolume(name)
      })
    })

    describe('secrets', () => {
      const files = [
        { name: 'a', value: Buffer.from('one') },
        { name: 'b.txt', value: Buffer.alloc(0) }
      ]
      const mount = (access: 'read' | 'write', volume = `${aName()}-secrets-0123abcd`) => ({
        ...{ volume, access },
        labels: { ...t.labels, kind: 'secrets' }
      })
      const removed = (volume: string) => eventually(() => t.engine.removeVolume(volume))

      it('have a volume, made with its labels when the first container of it is', async () => {
        const secrets = mount('write')
        const { id, name } = await create({ secrets })
        expect((await t.engine.inspectVolume(secrets.volume))?.labels).to.include(secrets.labels)
        expect((await inspect(id)).secretsVolume).to.equal(secrets.volume)
        const [listed] = (await t.engine.listContainers(t.labels)).filter(container => container.name === name)
        expect(listed?.secretsVolume).to.equal(secrets.volume)
        await create({ secrets: { ...secrets, labels: { other: 'label' } } })
        expect((await t.engine.inspectVolume(secrets.volume))?.labels).to.include(secrets.labels)
        expect((await t.engine.inspectVolume(secrets.volume))?.labels).to.not.have.property('other')
      })

      it('are whole when they are written, for every container of the volume', async () => {
        const secrets = mount('write')
        const loader = await create({ secrets, readOnlyRootFilesystem: false })
        expect(await t.engine.hasSecrets(loader.name)).to.equal(false)
        await t.engine.writeSecrets(loader.name, files)
        expect(await t.engine.hasSecrets(loader.name)).to.equal(true)
        const reader = await create({ secrets: { ...secrets, access: 'read' } })
        expect(await t.engine.hasSecrets(reader.id)).to.equal(true)
        await t.engine.startContainer(reader.id)
        expect(await t.engine.hasSecrets(reader.id)).to.equal(true)
      })

      it('of none are whole as well, once they are written', async () => {
        const { id } = await create({ secrets: mount('write'), readOnlyRootFilesystem: false })
        await t.engine.writeSecrets(id, [])
        expect(await t.engine.hasSecrets(id)).to.equal(true)
      })

      it('are not there without a volume, or a container', async () => {
        const { id } = await create()
        expect(await t.engine.hasSecrets(id)).to.equal(false)
        expect(await t.engine.hasSecrets(aName())).to.equal(false)
        expect((await inspect(id)).secretsVolume).to.equal(undefined)
        await rejects('not-found', t.engine.writeSecrets(aName(), files))
      })

      it('keep their volume as long as a container has it mounted, also one that never ran', async () => {
        const secrets = mount('read')
        const { id } = await create({ secrets })
        await rejects('busy', t.engine.removeVolume(secrets.volume))
        await t.engine.removeContainer(id)
        await removed(secrets.volume)
        expect(await t.engine.inspectVolume(secrets.volume)).to.equal(undefined)
      })

      it('S26: are not what an image has at their path, and take its place', async () => {
        const reference = `docker-faas-test/${aName()}:1`
        await t.addImage(reference, { volume: '/var/openfaas/secrets' })
        const plain = await create({ image: reference })
        expect((await inspect(plain.id)).secretsVolume).to.equal(undefined)
        const own = (await t.engine.listContainers(t.labels)).find(({ name }) => name === plain.name)
        expect(own).to.not.have.property('secretsVolume')
        const secrets = mount('write')
        const { id } = await create({ image: reference, secrets, readOnlyRootFilesystem: false })
        expect((await inspect(id)).secretsVolume).to.equal(secrets.volume)
        await t.engine.writeSecrets(id, files)
        const reader = await create({ image: reference, secrets: { ...secrets, access: 'read' } })
        expect((await inspect(reader.id)).secretsVolume).to.equal(secrets.volume)
        expect(await t.engine.hasSecrets(reader.id)).to.equal(true)
      })

      it('outlive their containers', async () => {
        const secrets = mount('write')
        const first = await create({ secrets, readOnlyRootFilesystem: false })
        await t.engine.writeSecrets(first.id, files)
        await t.engine.removeContainer(first.id)
        const { id } = await create({ secrets: { ...secrets, access: 'read' } })
        expect(await t.engine.hasSecrets(id)).to.equal(true)
      })
    })

    describe('images', () => {
      it('are found by reference and by id', async () => {
        const found = await t.engine.inspectImage(t.image)
        expect(found?.id).to.match(/^sha256:[0-9a-f]{64}$/)
        expect(await t.engine.inspectImage(found?.id ?? '')).to.deep.equal(found)
      })

      it('that are not there are undefined, also when their name looks like an id', async () => {
        const found = await t.engine.inspectImage(t.image)
        expect(await t.engine.inspectImage('docker-faas-test/missing')).to.equal(undefined)
        expect(await t.engine.inspectImage(found?.id.slice(7, 19) ?? '')).to.equal(undefined)
      })
    })

    describe('images that are listed and removed', () => {
      let reference: string
      let id: string
      beforeEach(async () => {
        reference = `docker-faas-test/${aName()}:1`
        id = await t.addImage(reference)
      })
      afterEach(() => t.engine.removeImage(id))

      const find = async () => (await t.engine.listImages()).find(image => image.id === id)

      it('say as whom their processes run', async () => {
        expect((await t.engine.inspectImage(id))?.user).to.equal('')
        const other = await t.addImage(`docker-faas-test/${aName()}:1`, { user: '1000:1000' })
        expect((await t.engine.inspectImage(other))?.user).to.equal('1000:1000')
        await t.engine.removeImage(other)
      })

      it('are listed with their tags', async () => {
        const other = `docker-faas-test/${aName()}:2`
        await t.addTag(id, other)
        const found = await find()
        expect(found?.tags.map(tag => tag.replace('docker.io/', '')).toSorted()).to.deep.equal([reference, other])
        expect(found?.sizeBytes).to.be.at.least(0)
        await t.engine.removeImage(other)
        expect((await find())?.tags).to.have.length(1)
        expect((await t.engine.inspectImage(reference))?.id).to.equal(id)
      })

      it('are removed by their last tag or their id, and removing again is done', async () => {
        await t.engine.removeImage(reference)
        expect(await find()).to.equal(undefined)
        await t.engine.removeImage(reference)
        id = await t.addImage(reference)
        await t.engine.removeImage(id)
        expect(await t.engine.inspectImage(reference)).to.equal(undefined)
        await t.engine.removeImage(id)
      })

      it('are busy by id while they have several tags', async () => {
        const other = `docker-faas-test/${aName()}:2`
        await t.addTag(id, other)
        await rejects('busy', t.engine.removeImage(id))
        await t.engine.removeImage(other)
      })

      it('are busy while a container is made of them, though it never ran', async () => {
        const container = await create({ image: reference })
        await rejects('busy', t.engine.removeImage(reference))
        await rejects('busy', t.engine.removeImage(id))
        await t.engine.removeContainer(container.id)
      })
    })

    describe('aborting', () => {
      it('ends a call', async () => {
        const aborted = AbortSignal.abort()
        await rejects('aborted', t.engine.info(aborted))
        await rejects('aborted', t.engine.inspectContainer('x', aborted))
        await rejects('aborted', t.engine.inspectNetwork('x', aborted))
        await rejects('aborted', t.engine.inspectImage('x', aborted))
        await rejects('aborted', t.engine.createContainer(aSpec(), aborted))
        await rejects('aborted', t.engine.removeContainer('x', aborted))
      })
    })

    describe('watch', () => {
      it('says connected, then what happens to containers and networks', async () => {
        const watching = new AbortController()
        const seen = watchInto(t.engine.watch(watching.signal))
        await eventually(() => expect(seen.events[0]).to.deep.equal({ kind: 'connected' }))
        const { id, name } = await eventuallySees(seen.events)
        await t.engine.startContainer(name)
        await t.engine.renameContainer(name, `${name}-moved`)
        await t.engine.signalContainer(id, 'SIGKILL')
        await exited(id)
        await t.engine.removeContainer(id)
        const actions = () => seen.events.flatMap(e => (e.kind === 'container' && e.id === id ? e.action : []))
        await eventually(() =>
          expect(actions()).to.include.members(['create', 'start', 'rename', 'kill', 'die', 'destroy'])
        )
        const created = seen.events.find(e => e.kind === 'container' && e.id === id)
        expect(created?.kind === 'container' && created.labels).to.include(t.labels)
        const connected = seen.events.find(e => e.kind === 'network' && e.container === id && e.action === 'connect')
        expect(connected).to.include({ name: network })
        watching.abort()
        await seen.ended
      })

      it('ends by returning when it is aborted', async () => {
        const watching = new AbortController()
        const seen = watchInto(t.engine.watch(watching.signal))
        await eventually(() => expect(seen.events).to.have.length(1))
        watching.abort()
        await seen.ended
      })

      /** The real engine answers before it subscribes, so that what happens at once may be missed. */
      async function eventuallySees(events: readonly EngineEvent[]) {
        return eventually(async () => {
          const container = await create()
          await eventually(
            () => expect(events.some(e => e.kind === 'container' && e.id === container.id)).to.equal(true),
            { timeoutMs: 500 }
          )
          return container
        })
      }
    })
  })
}

/** Asserts that a call is refused with this fault, by an `EngineError`. */
export async function rejects(fault: EngineFault, call: Promise<unknown>): Promise<void> {
  const outcome = await call.then(
    value => `answer ${JSON.stringify(value)}`,
    err => (err instanceof EngineError ? err.fault : `a foreign error: ${err}`)
  )
  expect(outcome).to.equal(fault)
}

interface Seen {
  readonly events: EngineEvent[]
  /** Settles as the stream ends. */
  readonly ended: Promise<void>
}

/** Reads a stream into a list. */
export function watchInto(stream: AsyncIterable<EngineEvent>): Seen {
  const events: EngineEvent[] = []
  const read = async () => {
    for await (const event of stream) events.push(event)
  }
  return { events, ended: read() }
}
