import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import type Docker from 'dockerode'
import { LABEL } from '../../api/labels.ts'
import { importImage, useTestRun } from '../helpers/docker-run.ts'
import { eventually } from '../helpers/eventually.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { inside as insideOf } from '../helpers/inside.ts'

const FILE = '/var/openfaas/secrets/db-password'

describe('a secret of a function on a real engine', function () {
  this.timeout(90_000)
  const run = useTestRun()
  const canary = `canary-${randomBytes(24).toString('hex')}`
  let docker: Docker
  let gateway: TestGateway
  let userImage: string
  /** What the engine told of since the beginning, as it happened: it keeps 256 events, which others' tests fill in seconds. */
  let events = ''
  let telling: NodeJS.ReadableStream

  const inside = (container: string, ...command: string[]) => insideOf(docker, container, ...command)
  const sh = (container: string, script: string) => inside(container, 'sh', '-c', `${script} 2>&1`)
  const put = (name: string, value: string, namespace = 'openfaas-fn') =>
    gateway.call('POST', '/system/secrets', { name, namespace, value })
  async function volumes(): Promise<string[]> {
    const label = [`${LABEL.instance}=${gateway.instance}`]
    const { Volumes: list } = await docker.listVolumes({ filters: { label } })
    return (list ?? []).map(({ Name }) => Name).sort()
  }

  /** All that the engine, the containers, the gateway and its disk show, by where it is seen. */
  async function everythingSeen(): Promise<Map<string, string>> {
    const seen = new Map<string, string>()
    for (const container of await gateway.containers()) await seeContainer(seen, container)
    await seeEngine(seen)
    seen.set('log of the gateway', gateway.log.join('\n'))
    seen.set('metrics', await gateway.metrics())
    for (const path of ['/v1/functions', '/v1/events', '/v1/secrets', '/v1/audit', '/v1/plan', '/system/functions']) {
      const { status, text } = await gateway.call('GET', path)
      expect(status, path).to.equal(200)
      seen.set(path, text)
    }
    const folder = dirname(gateway.databasePath)
    for (const name of await readdir(folder)) seen.set(name, (await readFile(join(folder, name))).toString('latin1'))
    return seen
  }

  async function seeContainer(seen: Map<string, string>, container: string): Promise<void> {
    const handle = docker.getContainer(container)
    seen.set(`inspect ${container}`, JSON.stringify(await handle.inspect()))
    seen.set(`changes ${container}`, JSON.stringify(await handle.changes()))
    seen.set(`log ${container}`, String(await handle.logs({ stdout: true, stderr: true })))
    for (const file of ['environ', 'cmdline']) {
      seen.set(`${file} in ${container}`, await inside(container, 'cat', `/proc/1/${file}`))
    }
    seen.set(`environment of a program in ${container}`, await inside(container, 'env'))
  }

  async function seeEngine(seen: Map<string, string>): Promise<void> {
    const label = [`${LABEL.instance}=${gateway.instance}`]
    seen.set('lists', JSON.stringify([await docker.listContainers({ all: true }), await docker.listNetworks()]))
    for (const name of await volumes()) {
      seen.set(`volume ${name}`, JSON.stringify(await docker.getVolume(name).inspect()))
    }
    for (const { Id } of await docker.listNetworks({ filters: { label } })) {
      seen.set(`network ${Id}`, JSON.stringify(await docker.getNetwork(Id).inspect()))
    }
    for (const image of [run().image, userImage]) {
      const handle = docker.getImage(image)
      seen.set(`image ${image}`, JSON.stringify([await handle.inspect(), await handle.history()]))
    }
    seen.set('events of the engine', events)
  }

  before(async () => {
    gateway = await TestGateway.start({ STOP_GRACE: '1s', LOG_LEVEL: 'debug' })
    docker = gateway.docker
    telling = await docker.getEvents()
    telling.setEncoding('utf8').on('data', text => {
      events += text
    })
    const { instance } = run()
    userImage = `docker-faas-test/user:${instance}`
    // Of the image's own at that path nothing may get into the volume, nor hide it.
    const files = [{ name: 'var/openfaas/secrets/of-the-image', mode: 0o644, content: Buffer.from('x') }]
    await importImage(docker, userImage, instance, '["/bin/sh", "/entry"]', { user: '12345:12345', files })
    expect((await put('db-password', canary)).status).to.equal(201)
    expect((await put('api-key', 'another')).status).to.equal(201)
    await gateway.createNamespace('team-a')
    expect((await put('db-password', 'of team-a', 'team-a')).status).to.equal(201)
    await gateway.apply('rooted', { image: run().image, secrets: ['db-password', 'api-key'], replicas: 2 })
    await gateway.apply('user', { image: userImage, secrets: ['db-password'], readOnlyRootFilesystem: true })
    await gateway.apply('other', { image: run().image, secrets: ['api-key'] })
    await gateway.apply('none', { image: run().image })
    await gateway.apply('rooted', { image: run().image, secrets: ['db-password'] }, { namespace: 'team-a' })
    for (const name of ['rooted', 'user', 'other', 'none']) await gateway.converged(name)
    await eventually(async () => expect(await gateway.containers()).to.include('rooted.team-a-0'), {
      timeoutMs: 20_000
    })
  })
  after(async () => {
    ;(telling as unknown as { destroy: () => void }).destroy()
    await gateway.close()
  })

  it('S26: is a file that the image’s user reads, whoever that is, and on a read-only root', async () => {
    expect(await inside('rooted-0', 'cat', FILE)).to.equal(canary)
    expect(await inside('rooted-1', 'cat', FILE)).to.equal(canary)
    expect(await inside('user-0', 'cat', FILE)).to.equal(canary)
    expect(await inside('user-0', 'id', '-u')).to.equal('12345\n')
    expect(await inside('user-0', 'ls', '/var/openfaas/secrets')).to.equal('db-password\n')
    expect((await inside('rooted-0', 'ls', '-A', '/var/openfaas/secrets')).split(/\s+/).filter(Boolean)).to.deep.equal([
      'api-key',
      'db-password'
    ])
  })

  it('S26: cannot be written by the function, though it runs as root', async () => {
    for (const script of [`echo x > ${FILE}`, 'echo x > /var/openfaas/secrets/mine', `busybox rm -f ${FILE}`]) {
      expect(await sh('rooted-0', script), script).to.match(/read-only file system/i)
    }
    expect(await inside('rooted-0', 'cat', '/proc/mounts')).to.match(/ \/var\/openfaas\/secrets \S+ ro,/)
    expect(await inside('rooted-0', 'cat', FILE)).to.equal(canary)
  })

  it('S26: is not there in a function that does not name it; another namespace has its own', async () => {
    expect(await inside('other-0', 'ls', '/var/openfaas/secrets')).to.equal('api-key\n')
    expect(await inside('none-0', 'ls', '/var/openfaas/secrets')).to.match(/no such file/i)
    expect(await inside('rooted.team-a-0', 'cat', FILE)).to.equal('of team-a')
    expect(await inside('rooted.team-a-0', 'ls', '/var/openfaas/secrets')).to.equal('db-password\n')
    expect(await volumes()).to.have.length(4)
  })

  it('S26: is not mounted into a function of another namespace that names it, where that namespace has none of its name', async () => {
    await gateway.apply('asking', { image: run().image, secrets: ['api-key'] }, { namespace: 'team-a' })
    const { message } = await gateway.reason('asking?namespace=team-a', 'Degraded', 'SecretMissing')
    expect(message).to.contain('api-key')
    expect(await gateway.containers())
      .to.include('other-0')
      .and.not.to.include('asking.team-a-0')
    expect(await volumes()).to.have.length(4)
    // Its own, once it has one, and not that of the default namespace.
    expect((await put('api-key', 'own', 'team-a')).status).to.equal(201)
    await eventually(
      async () => expect(await inside('asking.team-a-0', 'cat', '/var/openfaas/secrets/api-key')).to.equal('own'),
      { timeoutMs: 20_000 }
    )
    expect((await gateway.call('DELETE', '/v1/functions/asking?namespace=team-a')).status).to.equal(202)
    await eventually(async () => expect(await volumes()).to.have.length(4), { timeoutMs: 20_000 })
    const used = /^faas_namespace_functions\{namespace="team-a",type="used"\} 1$/m
    await eventually(async () => expect(await gateway.metrics()).to.match(used), { timeoutMs: 20_000 })
    await gateway.call('DELETE', '/system/secrets', { name: 'api-key', namespace: 'team-a' })
  })

  it('S26: is in no environment, command line, label, name, log, event or layer, and nowhere on the gateway’s disk', async () => {
    const seen = await everythingSeen()
    expect([...seen.keys()]).to.include.members(['test.db', 'test.db-wal', 'secrets-key', 'log of the gateway'])
    expect(seen.get('events of the engine')).to.contain('user-0').and.to.contain('extract-to-dir')
    const forms = [canary, Buffer.from(canary).toString('base64').slice(0, 40), Buffer.from(canary).toString('hex')]
    const found = [...seen].filter(([, text]) => forms.some(form => text.includes(form))).map(([where]) => where)
    expect(found).to.deep.equal([])
  })

  it('that changes reaches every replica without a failed call, and the old value is gone from the engine', async () => {
    const before = await volumes()
    const codes: number[] = []
    let isOver = false
    const calling = (async () => {
      while (!isOver) codes.push((await gateway.call('GET', '/function/rooted')).status)
    })()
    const changed = await gateway.call('PUT', '/v1/secrets/db-password', { value: `${canary}-2` })
    expect(changed.status).to.equal(200)
    await eventually(
      async () => {
        for (const name of ['rooted-0', 'rooted-1', 'user-0']) {
          expect(await inside(name, 'cat', FILE)).to.equal(`${canary}-2`)
        }
      },
      { timeoutMs: 40_000 }
    )
    for (const name of ['rooted', 'user']) await gateway.converged(name)
    isOver = true
    await calling
    expect(codes.filter(code => code !== 200)).to.deep.equal([])
    await eventually(async () => expect(await volumes()).to.have.length(4))
    const kept = (await volumes()).filter(name => before.includes(name))
    expect(kept.map(name => name.replace(/-secrets-.*/, ''))).to.deep.equal(['other', 'rooted.team-a'])
    const { text } = await gateway.call('GET', '/v1/functions/rooted/events')
    expect(text).to.contain('SecretChanged').and.to.contain('secret db-password is at version 2')
  })

  it('that is deleted stays in what runs, and with the function nothing of it stays', async () => {
    await gateway.call('DELETE', '/system/secrets', { name: 'db-password' })
    const degraded = await gateway.reason('user', 'Degraded', 'SecretMissing')
    expect(degraded.message).to.contain('db-password')
    expect(await inside('user-0', 'cat', FILE)).to.equal(`${canary}-2`)
    await docker.getContainer('user-0').kill()
    await eventually(async () => expect(await inside('user-0', 'cat', FILE)).to.equal(`${canary}-2`), {
      timeoutMs: 20_000
    })
    expect((await gateway.call('GET', '/function/user')).status).to.equal(200)
    await gateway.call('DELETE', '/v1/functions/user')
    await eventually(async () => expect((await volumes()).join()).to.not.contain('user-secrets'), { timeoutMs: 20_000 })
  })
})
