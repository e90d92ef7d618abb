import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import Docker from 'dockerode'
import { rows } from '../fixtures/db/files.ts'
import { useTestRun } from '../helpers/docker-run.ts'
import { freePort } from '../helpers/free-port.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { PASSWORD, testEnvironment } from '../helpers/gateway-client.ts'
import { sampleImage, testkitImage } from '../helpers/images.ts'
import { LegacyInstallation } from '../helpers/legacy.ts'
import { PRODUCT_HOST } from '../helpers/product-engine.ts'
import { COMPILE_CACHE, MAIN } from '../helpers/program.ts'
import { uniqueName } from '../helpers/unique-name.ts'

const run = promisify(execFile)
const OLD_PASSWORD = 'of the old gateway'
const OLD_AUTHORIZATION = `Basic ${Buffer.from(`admin:${OLD_PASSWORD}`).toString('base64')}`

const fixture = (name: string) => readFile(new URL(`../fixtures/migrating/${name}`, import.meta.url), 'utf8')

/** The commands of a section, as one session: its blocks, whose places are behind its name. */
async function sessionOf(section: string): Promise<string> {
  const text = await readFile(new URL('../../docs/migrating.md', import.meta.url), 'utf8')
  const blocks = new Map<number, string>()
  for (const [, places = '', block = ''] of text.matchAll(/^```sh ([\w: ]+)\n(.*?)^```$/gms)) {
    const place = new RegExp(`\\b${section}:(\\d+)`).exec(places)?.[1]
    if (place !== undefined) blocks.set(Number(place), block)
  }
  const session = Array.from({ length: blocks.size }, (_, at) => blocks.get(at + 1))
  expect(session).not.to.include(undefined)
  return session.join('\n')
}

interface Request {
  readonly method: string
  readonly url: string
  readonly body: string
}

/** The gateway that is left, or gone back to: it answers as recorded of OpenFaaS or faasd, and takes deployments. */
async function startOldGateway(recorded: string) {
  const functions = JSON.parse(recorded) as { namespace: string }[]
  const namespaces = [...new Set(functions.map(({ namespace }) => namespace))]
  const requests: Request[] = []
  const deployed = new Set<string>()
  const server = createServer(async (req, res) => {
    const chunks: Buffer[] = []
    for await (const chunk of req) chunks.push(chunk)
    const request = { method: req.method ?? '', url: req.url ?? '', body: Buffer.concat(chunks).toString() }
    requests.push(request)
    const isOpen = request.url.startsWith('/function/')
    const [status, text] = isOpen || req.headers.authorization === OLD_AUTHORIZATION ? answerTo(request) : [401, '']
    res.writeHead(status).end(text)
  })
  const answerTo = ({ method, url, body }: Request): [status: number, text: string] => {
    if (url.startsWith('/function/')) return [200, url === '/function/shout' ? `OpenFaaS:${body}` : 'correct horse']
    if (url === '/system/namespaces') return [200, JSON.stringify(namespaces)]
    const wanted = new URL(url, 'http://old').searchParams.get('namespace') ?? 'openfaas-fn'
    if (method === 'GET') return [200, JSON.stringify(functions.filter(({ namespace }) => namespace === wanted))]
    return method === 'PUT' && !deployed.has(JSON.parse(body).service) ? [404, 'not found'] : [202, '']
  }
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    knows: (name: string) => void deployed.add(name),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await promisify(server.close.bind(server))()
    }
  }
}

describe('docs/migrating.md', function () {
  this.timeout(90_000)
  const testRun = useTestRun()
  let directory: string
  let image: string
  let gateway: TestGateway

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'faas-migrating-'))
    const bin = join(directory, 'bin')
    await mkdir(bin)
    // The program has the engine that tests give it; `docker` beside it has the engine itself.
    await program('docker-faas', `DOCKER_HOST='${PRODUCT_HOST}' exec '${process.execPath}' '${MAIN}' "$@"`)
    const recorded = (name: string) => new URL(`../fixtures/migrating/${name}`, import.meta.url).pathname
    await program(
      'kubectl',
      `case "$*" in *dockerconfigjson*) cat '${recorded('kubectl-pull-secrets.json')}' ;; *) cat '${recorded('kubectl-secrets.json')}' ;; esac`
    )
    image = await sampleImage('shell')
    gateway = await TestGateway.start()
  })
  after(async () => {
    await gateway.close()
    await rm(directory, { recursive: true })
  })

  async function program(name: string, script: string): Promise<void> {
    const path = join(directory, 'bin', name)
    await writeFile(path, `#!/bin/sh\n${script}\n`)
    await chmod(path, 0o755)
  }

  /** Runs a section as a user does, in a folder of its own; what it printed. */
  async function follow(section: string, env: Record<string, string>): Promise<string> {
    const cwd = join(directory, section)
    await mkdir(cwd)
    // What it leaves running ends with it.
    const script = `trap 'kill $(jobs -p) 2>/dev/null || :' EXIT\n${await sessionOf(section)}`
    const { stdout } = await run('bash', ['--norc', '-euo', 'pipefail', '-c', script], {
      cwd,
      env: {
        ...{
          PATH: `${join(directory, 'bin')}:${process.env['PATH']}`,
          HOME: cwd,
          ...COMPILE_CACHE
        },
        ...(process.env['DOCKER_HOST'] === undefined ? {} : { DOCKER_HOST: process.env['DOCKER_HOST'] }),
        ...{ OLD_USER: 'admin', OLD_PASSWORD, PASSWORD, GATEWAY: `http://127.0.0.1:${gateway.port}` },
        ...env
      }
    })
    return stdout
  }

  it('leads from OpenFaaS to us, and back', async () => {
    await using old = await startOldGateway((await fixture('openfaas-functions.json')).replaceAll('IMAGE', image))
    const printed = await follow('openfaas', { OLD: old.url })
    expect(printed)
      .to.match(/shout created.*dry run/)
      .and.match(/^function\/quiet created$/m)
    const shout = await gateway.converged('shout')
    expect(shout.metadata.labels).to.deep.equal({ 'com.openfaas.scale.min': '1', 'com.openfaas.scale.max': '5' })
    expect(shout.metadata.annotations).to.deep.equal({ owner: 'team-a' })
    expect(shout.spec).to.deep.include({
      env: { mode: 'serializing', GREETING: 'a=b=c' },
      secrets: ['api-key'],
      limits: { memory: '64Mi' },
      requests: { memory: '32Mi', cpu: '50m' },
      readOnlyRootFilesystem: true,
      replicas: 2
    })
    // The value of the secret is as it was, to the byte.
    expect((await gateway.call('POST', '/function/quiet', 'key: ')).text).to.equal('key: open-sesame\n')
    expect((await gateway.call('POST', '/function/other.team-a', 'elsewhere')).text).to.equal('elsewhere')
    // The gateway of before was only read.
    expect(old.requests.filter(({ method, url }) => method !== 'GET' && !url.startsWith('/function/'))).to.deep.equal(
      []
    )

    old.knows('shout')
    await follow('back', { OLD: old.url })
    const sent = old.requests.filter(({ url, method }) => url === '/system/functions' && method !== 'GET')
    const names = sent.map(({ method, body }) => `${method} ${JSON.parse(body).service}`)
    expect(names.sort()).to.deep.equal(['POST other', 'POST quiet', 'PUT other', 'PUT quiet', 'PUT shout'])
    const back = sent.find(({ body }) => JSON.parse(body).service === 'shout')
    expect(JSON.parse(back?.body ?? '')).to.deep.equal({
      service: 'shout',
      namespace: 'openfaas-fn',
      image,
      envProcess: 'sed s/^/OpenFaaS:/',
      envVars: { mode: 'serializing', GREETING: 'a=b=c' },
      secrets: ['api-key'],
      readOnlyRootFilesystem: true,
      labels: { 'com.openfaas.scale.min': '1', 'com.openfaas.scale.max': '5' },
      annotations: { owner: 'team-a' },
      limits: { memory: '64Mi' },
      requests: { memory: '32Mi', cpu: '50m' }
    })
  })

  it('leads from faasd to us', async () => {
    await using old = await startOldGateway((await fixture('faasd-functions.json')).replaceAll('IMAGE', image))
    const secrets = join(directory, 'faasd-secrets')
    await mkdir(secrets)
    await writeFile(join(secrets, 'db-password'), 'correct horse')
    await follow('faasd', { OLD: old.url, FAASD_SECRETS: secrets })
    const { spec } = await gateway.converged('from-faasd')
    // What the image says is not written down, and no limit is none.
    expect(spec.env).to.deep.equal({ LEVEL: 'debug' })
    expect(spec.limits).to.deep.equal({})
    expect(spec.secrets).to.deep.equal(['db-password'])
    expect((await gateway.converged('plain-faasd')).spec).to.deep.include({ env: {}, limits: { memory: '64Mi' } })
  })

  // Ten seconds: the program is started six times.
  it('leads from the older Docker FaaS to us, and back', async () => {
    const legacy = await LegacyInstallation.create(new Docker())
    const [home, name] = [join(directory, 'home'), legacy.nameOf('moved')]
    const instance = uniqueName()
    await mkdir(home)
    try {
      const testkit = await testkitImage()
      legacy.write(name, { image: testkit, replicas: 1 })
      await legacy.run(name, { image: testkit, replicas: 1, subnet: testRun().subnet() })
      const port = String(await freePort())
      const printed = await follow('older', {
        ...testEnvironment(home, instance),
        ...{ STATE_DB_PATH: legacy.databasePath, FUNCTIONS_NETWORK: legacy.base, AUTH_PASSWORD: PASSWORD },
        ...{ GATEWAY_PORT: port, GATEWAY_WORKERS: '0' }
      })
      expect(printed).to.match(/^3\|.*\|pending$/m)
      expect(printed).to.contain(`create ${name}-0`)
      expect(printed).to.contain('is at version 2')
      expect(rows(legacy.databasePath, 'SELECT name, replicas FROM functions')).to.deep.equal([{ name, replicas: 1 }])
      const log = rows(legacy.databasePath, 'SELECT version FROM schema_migrations ORDER BY version')
      expect(log).to.deep.equal([{ version: 1 }, { version: 2 }])
      expect(await legacy.docker.listContainers({ all: true, filters: { name: [name] } })).to.deep.equal([])
    } finally {
      await legacy.clear()
    }
  })
})
