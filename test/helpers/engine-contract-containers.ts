import { expect } from 'chai'
import type { StringMap } from '../../api/meta.ts'
import { type ContractWorld, rejects } from './engine-contract-world.ts'
import { eventually } from './eventually.ts'

/** What holds for containers. */
export function describeContainers(t: ContractWorld): void {
  const { aName, aNetwork, aSpec, create, run, inspect, exited } = t

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
      expect(found.imageId).to.equal((await t.engine.inspectImage(t.under.image))?.id)
      expect(found.networks[t.network]?.ipAddress).to.equal('')
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

    it('start, with an address of the t.network, and starting again is done', async () => {
      const { name } = await run()
      await t.engine.startContainer(name)
      const found = await inspect(name)
      expect(found.state).to.equal('running')
      expect(found.startedAt).to.be.at.least(found.createdAt)
      expect(found.networks[t.network]?.ipAddress).to.match(/^\d+\.\d+\.\d+\.\d+$/)
      expect(found.networks[t.network]?.networkId).to.equal((await t.engine.inspectNetwork(t.network))?.id)
    })

    it('that are not there cannot be started', async () => {
      await rejects('not-found', t.engine.startContainer(aName()))
    })

    it('whose t.network went away cannot be started', async () => {
      const { name } = await create()
      await t.engine.removeNetwork((await t.engine.inspectNetwork(t.network))?.id ?? '')
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
      const port = { containerPort: 9229, address: '127.0.0.1', hostPort: await t.under.freePort() }
      await run({ ports: [port] })
      const { name } = await create({ ports: [port] })
      await rejects('port-in-use', t.engine.startContainer(name))
      expect((await inspect(name)).state).to.not.equal('running')
    })

    it('cannot be given a port that another process of the host listens on, until it ends', async () => {
      const hostPort = await t.under.freePort()
      const release = await t.under.holdPort(hostPort)
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
      const binding = { containerPort: 9229, address: '192.0.2.77', hostPort: await t.under.freePort() }
      const { name } = await create({ ports: [binding] })
      await rejects('no-address', t.engine.startContainer(name))
      expect((await inspect(name)).error).to.contain('cannot assign requested address')
    })

    it('are listed with the ports that are bound, all containers when no label is asked for', async () => {
      const binding = { containerPort: 9229, address: '::1', hostPort: await t.under.freePort() }
      const { id, name } = await run({ ports: [binding] })
      const portsNow = async () => (await t.engine.listContainers({})).find(each => each.id === id)?.ports
      expect(await portsNow()).to.deep.equal([binding])
      await t.engine.signalContainer(name, 'SIGKILL')
      await exited(name)
      expect(await portsNow()).to.deep.equal([])
    })

    it('lose their ports with their t.network, and get them back with it, unless somebody took one', async () => {
      const hostPort = await t.under.freePort()
      const { name } = await run({ ports: [{ containerPort: 9229, address: '127.0.0.1', hostPort }] })
      const before = (await inspect(name)).ports
      await t.engine.disconnectNetwork(t.network, name)
      expect((await inspect(name)).ports).to.deep.equal([])
      await t.engine.connectNetwork(t.network, name)
      expect((await inspect(name)).ports).to.deep.equal(before)
      await t.engine.disconnectNetwork(t.network, name)
      const release = await t.under.holdPort(hostPort)
      await rejects('port-in-use', t.engine.connectNetwork(t.network, name))
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
      expect(found.networks[t.network]?.ipAddress).to.equal('')
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
      await t.under.pause(name)
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
      await t.under.pause(name)
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

  describe('the usage of a container', () => {
    it('grows while it runs, also when it is paused, and is known at once', async () => {
      const { id, name } = await run()
      const first = await t.engine.usage(id)
      expect(first?.workingSetBytes).to.be.greaterThan(0)
      await t.under.pause(name)
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
      await t.under.pause(name)
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
      expect(Object.keys((await listed(id))?.networks ?? {}).toSorted()).to.deep.equal([t.network, second].toSorted())
      await t.engine.disconnectNetwork(t.network, name)
      await agrees(id, 'running')
      expect(Object.keys((await listed(id))?.networks ?? {})).to.deep.equal([second])
    })
  })
}
