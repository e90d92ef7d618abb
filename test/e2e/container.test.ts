import { execFile, spawn } from 'node:child_process'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { ensureHello } from '../../hack/images.ts'
import { ComposeInstallation } from '../helpers/compose-installation.ts'
import { problemsOf } from '../helpers/docker-bench.ts'
import { eventually } from '../helpers/eventually.ts'

/** A program of Node's that prints the manifest of the package in the image. */
const exec = promisify(execFile)
/** A call of the engine as one makes it who got hold of the gateway; prints the status. */
const CALL = `
  const [method, path, body] = process.argv.slice(1)
  const socketPath = '/run/docker-faas/engine.sock'
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
  require('http').request({ socketPath, method, path, headers }, res => {
    process.stdout.write(String(res.statusCode))
    process.exit()
  }).end(body)
`
const READ_MANIFEST = "JSON.stringify(require('/app/package.json'))"

describe('Docker FaaS in containers', function () {
  this.timeout(60_000)
  let faas: ComposeInstallation
  let image: string

  before('build and start it', async function () {
    this.timeout(180_000)
    faas = await ComposeInstallation.prepare()
    image = await ensureHello(faas.docker)
    await faas.up()
  })
  after('take it down', async function () {
    this.timeout(120_000)
    await faas?.close()
  })

  const idOf = async (name: string) => (await faas.docker.getContainer(name).inspect()).Id
  const members = async (name: string) => {
    const { Containers = {} } = await faas.docker.getNetwork(faas.networkOf(name)).inspect()
    return Object.keys(Containers).sort()
  }
  const replicas = async (name: string) => Promise.all((await faas.containers(name)).map(idOf))
  /** Waits until the function's network holds its replicas and the gateway, and nobody else. */
  const onlyGatewayAnd = (name: string) =>
    eventually(async () => {
      const { Id } = await faas.service()
      expect(await members(name)).to.deep.equal([Id, ...(await replicas(name))].sort())
    })
  /** Whether anything answers there, from inside a container. */
  const reaches = async (container: string, address: string, port: number) => {
    const ask = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2 ${address} ${port} || true`
    return (await exec('docker', ['exec', container, 'sh', '-c', ask])).stdout !== ''
  }
  const answers = (name: string) =>
    eventually(async () => expect(await faas.invoke(name, 'Ada')).to.include({ status: 200 }), { timeoutMs: 20_000 })

  it('S45: is an image without a shell, whose user is nobody in particular', async () => {
    const { Config } = await faas.docker.getImage(faas.env['GATEWAY_IMAGE'] ?? '').inspect()
    expect(Config.User).to.equal('65532:65532')
    expect(Config.Labels['org.opencontainers.image.title']).to.equal('Docker FaaS')
    const { version } = JSON.parse(await faas.compose('exec', 'gateway', 'node', '-p', READ_MANIFEST))
    expect(Config.Labels['org.opencontainers.image.version']).to.equal(version)
    const programs = await faas.compose('exec', 'gateway', 'node', '-p', "fs.readdirSync('/bin').join()")
    expect(programs.trim()).to.equal('docker-faas,node')
  })

  it('S45: passes the points of docker-bench-security about containers', async () => {
    expect(problemsOf(await faas.service('gateway'))).to.deep.equal([])
    // It is root, and nothing but root's files: no capability, no network. SOCKET_PROXY_USER makes it another user.
    expect(problemsOf(await faas.service('socket-proxy'))).to.deep.equal([])
    expect((await faas.service('socket-proxy')).HostConfig.NetworkMode).to.equal('none')
  })

  it('keeps its state in volumes that have names, so that none is left behind unseen', async () => {
    const project = faas.env['COMPOSE_PROJECT_NAME']
    const volumesOf = async (name: string) =>
      (await faas.service(name)).Mounts.flatMap(mount => (mount.Type === 'volume' ? (mount.Name ?? '') : [])).sort()
    expect(await volumesOf('gateway')).to.deep.equal([`${project}_data`, `${project}_engine`])
    expect(await volumesOf('socket-proxy')).to.deep.equal([`${project}_engine`])
  })

  it('S12: only the socket proxy has the socket of the engine, and nothing but what the gateway needs gets through it', async () => {
    const socketsOf = async (name: string) =>
      (await faas.service(name)).Mounts.map(mount => mount.Source).filter(
        source => source === faas.env['DOCKER_SOCKET']
      )
    expect(await socketsOf('gateway')).to.deep.equal([])
    expect(await socketsOf('socket-proxy')).to.have.length(1)
    const call = (method: string, path: string, body: object = {}) =>
      faas.compose('exec', '-T', 'gateway', 'node', '-e', CALL, method, path, JSON.stringify(body))
    const privileged = { Image: image, HostConfig: { Privileged: true, Binds: ['/:/host'] } }
    expect(await call('GET', '/_ping')).to.equal('200')
    expect(await call('POST', '/containers/create', privileged)).to.equal('403')
    expect(await call('POST', `/containers/${(await faas.service('socket-proxy')).Id}/exec`)).to.equal('403')
    expect(await call('DELETE', `/containers/${(await faas.service('socket-proxy')).Id}`)).to.equal('403')
  })

  it('is built by the classic builder as well', async () => {
    const context = spawn('tar', ['-c', '.'], {
      cwd: faas.env['GATEWAY_CONTEXT'],
      stdio: ['ignore', 'pipe', 'inherit']
    })
    const buildargs = { BASE_IMAGE: faas.env['BASE_IMAGE'] ?? '' }
    const options = { t: `${faas.env['GATEWAY_IMAGE']}-classic`, buildargs, forcerm: true, version: '1' as const }
    const progress = await faas.docker.buildImage(context.stdout, options)
    await new Promise((resolve, reject) => {
      faas.docker.modem.followProgress(progress, (err: Error | null) => (err ? reject(err) : resolve(undefined)))
    })
    const built = await faas.docker.getImage(options.t).inspect()
    expect(built.Config.Entrypoint).to.deep.equal(['/bin/docker-faas'])
    await faas.docker.getImage(options.t).remove({ force: true })
  })

  it('deploys a function and answers calls to it', async () => {
    for (const name of ['first', 'second']) await faas.apply(name, { image })
    for (const name of ['first', 'second']) await faas.converged(name)
    expect((await faas.invoke('first', 'Ada')).text).to.contain('Hello, Ada!')
    expect(await faas.compose('exec', 'gateway', 'docker-faas', 'health')).to.equal('OK\n')
  })

  it('S8: is the only one beside its replicas on the network of a function', async () => {
    for (const name of ['first', 'second']) await onlyGatewayAnd(name)
    const { NetworkSettings } = await faas.docker.getContainer('first-0').inspect()
    expect(Object.keys(NetworkSettings.Networks)).to.deep.equal([faas.networkOf('first')])
    const addressOf = async (id: string, network: string) =>
      (await faas.docker.getContainer(id).inspect()).NetworkSettings.Networks[network]?.IPAddress ?? ''
    const gateway = await addressOf((await faas.service()).Id, faas.networkOf('first'))
    const second = await addressOf('second-0', faas.networkOf('second'))
    const own = await addressOf('first-0', faas.networkOf('first'))
    expect(await reaches('first-0', own, 8080)).to.equal(true)
    expect(await reaches('first-0', second, 8080)).to.equal(false)
    expect(await reaches('first-0', gateway, 8080)).to.equal(false)
    expect(await reaches('first-0', gateway, 9090)).to.equal(false)
  })

  it('replaces a replica that is killed by hand', async () => {
    const before = await idOf('first-0')
    await faas.docker.getContainer('first-0').kill()
    await eventually(async () => expect(await idOf('first-0')).not.to.equal(before), { timeoutMs: 20_000 })
    await answers('first')
    await onlyGatewayAnd('first')
  })

  it('N7: attaches itself to every network again when its container is a new one', async () => {
    const [gateway, first, second] = [(await faas.service()).Id, await idOf('first-0'), await idOf('second-0')]
    await faas.up('--force-recreate')
    expect((await faas.service()).Id).not.to.equal(gateway)
    for (const name of ['first', 'second']) {
      await answers(name)
      await onlyGatewayAnd(name)
    }
    expect([await idOf('first-0'), await idOf('second-0')]).to.deep.equal([first, second])
  })

  it('N7: is started again by Docker when it dies, over functions that ran on', async () => {
    const [first, { State, RestartCount }] = [await idOf('first-0'), await faas.service()]
    process.kill(State.Pid, 'SIGKILL')
    await eventually(async () => expect((await faas.service()).RestartCount).to.equal(RestartCount + 1))
    await answers('first')
    await onlyGatewayAnd('first')
    expect(await idOf('first-0')).to.equal(first)
  })

  it('N7: leaves the network of a function that is deleted, and removes it', async () => {
    await faas.call('DELETE', '/v1/functions/second')
    await eventually(
      async () => {
        expect(await faas.networks()).to.deep.equal([faas.networkOf('first')])
        const { NetworkSettings } = await faas.service()
        expect(Object.keys(NetworkSettings.Networks)).not.to.include(faas.networkOf('second'))
      },
      { timeoutMs: 30_000 }
    )
    expect(await faas.containers('second')).to.deep.equal([])
  })

  it('stops in good time when it is told to, as the first process of its container', async () => {
    await faas.compose('stop', 'gateway')
    expect((await faas.service()).State.ExitCode).to.equal(0)
    await faas.compose('start', 'gateway')
    await answers('first')
  })

  it('leaves functions alone when it is taken down, and finds them again', async () => {
    const first = await idOf('first-0')
    await faas.compose('down', '--remove-orphans')
    expect((await faas.docker.getContainer('first-0').inspect()).State.Running).to.equal(true)
    await faas.up()
    await answers('first')
    expect(await idOf('first-0')).to.equal(first)
  })

  it('S13: nothing that the gateway asked was refused, but what was asked in its place', async () => {
    const lines = (await faas.compose('logs', '--no-log-prefix', 'socket-proxy')).split('\n')
    const refused = lines.filter(line => line.includes('Refused call')).map(line => JSON.parse(line).path)
    expect(refused.filter(path => !/\/(create|exec)$|^\/containers\/[0-9a-f]{64}$/.test(path))).to.deep.equal([])
  })

  it('has the socket itself where it is told so, over the same functions', async () => {
    const first = await idOf('first-0')
    faas.files = ['compose.yaml', 'compose.direct.yaml']
    await faas.up('--remove-orphans')
    await answers('first')
    await onlyGatewayAnd('first')
    expect(await idOf('first-0')).to.equal(first)
    expect((await faas.service()).Config.User).to.equal('65532:65532')
    const filters = { label: [`com.docker.compose.project=${faas.env['COMPOSE_PROJECT_NAME']}`] }
    expect(await faas.docker.listContainers({ all: true, filters })).to.have.length(1)
  })
})
