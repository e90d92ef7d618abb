import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import type { Sample } from '../../hack/images.ts'
import { PASSWORD as API_PASSWORD, type ApiServer, startApi } from '../helpers/api-server.ts'
import { runCli } from '../helpers/cli.ts'
import { eventually } from '../helpers/eventually.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { PASSWORD } from '../helpers/gateway-client.ts'
import { sampleImage } from '../helpers/images.ts'

const SAMPLES: readonly Sample[] = ['node', 'python', 'shell']
const HANDLER = { node: 'function/handler.js', python: 'function/handler.py', shell: 'handler.sh' }
const SOURCES = new URL('../../hack/samples/', import.meta.url)
const AUTHORIZATION = `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`

const fixture = (name: string) => readFile(new URL(`../fixtures/samples/${name}`, import.meta.url), 'utf8')

/** The image of a sample with the handler of these tests in place of its own, as one who starts from it builds it. */
async function testImage(sample: Sample): Promise<string> {
  const path = HANDLER[sample]
  return sampleImage(sample, { [path]: await fixture(path.replace('function/', '')) })
}

describe('the samples on a real engine', function () {
  this.timeout(60_000)
  let gateway: TestGateway
  let api: ApiServer
  const images = new Map<string, string>()

  before(async () => {
    // So that SIGTERM meets calls under way: the samples have to end them.
    gateway = await TestGateway.start({ DRAIN_TIMEOUT: '100ms', STOP_GRACE: '20s', PROBE_INTERVAL: '100ms' })
    api = await startApi()
    for (const sample of SAMPLES) {
      images.set(sample, await testImage(sample))
      images.set(`own ${sample}`, await sampleImage(sample))
    }
    const secret = { name: 'api-key', value: 'open-sesame\n' }
    expect((await gateway.call('POST', '/system/secrets', secret)).status).to.be.within(200, 202)
    await Promise.all([
      ...SAMPLES.flatMap(sample => [
        deploy(`test-${sample}`, { image: sample, envVars: { exec_timeout: '5s', max_inflight: '2' } }),
        deploy(`own-${sample}`, { image: `own ${sample}`, envVars: { GREETING: 'Salut' }, secrets: ['api-key'] })
      ]),
      deploy('streaming', { image: 'shell', envVars: { mode: 'streaming', content_type: 'text/event-stream' } }),
      deploy('command-node', { image: 'own node', envProcess: 'node -p process.env.Http_Query' }),
      deploy('command-python', { image: 'own python', envProcess: 'wc -c', envVars: { ready_path: '/nothing' } })
    ])
  })
  after(async () => {
    await api[Symbol.asyncDispose]()
    await gateway.close()
  })

  /** Deploys as faas-cli does; read-only, as whoever can should. */
  async function deploy(
    service: string,
    { image, ...rest }: { image: string; envVars?: object; [field: string]: unknown }
  ) {
    const body = { service, image: images.get(image), readOnlyRootFilesystem: true, ...rest }
    const answer = await gateway.call('POST', '/system/functions', body)
    expect(answer.status, answer.text).to.equal(202)
    await gateway.converged(service)
  }

  async function ask(name: string, path: string, init: RequestInit = {}) {
    const headers = { authorization: AUTHORIZATION, ...(init.headers as Record<string, string>) }
    const answer = await fetch(`http://127.0.0.1:${gateway.port}/function/${name}${path}`, { ...init, headers })
    return { status: answer.status, headers: answer.headers, text: await answer.text() }
  }

  const containerOf = (name: string, ordinal = 0) => gateway.docker.getContainer(`${name}-${ordinal}`)

  async function logOf(name: string, ordinal = 0): Promise<string> {
    return (await containerOf(name, ordinal).logs({ stdout: true, stderr: true })).toString('latin1')
  }

  async function addressOf(name: string, ordinal: number): Promise<string | undefined> {
    const { NetworkSettings: settings } = await containerOf(name, ordinal).inspect()
    return settings.Networks[gateway.networkOf(name)]?.IPAddress
  }

  /** With the function of each sample, all at once; says which it was that failed. */
  async function ofEach(check: (name: string) => Promise<void>): Promise<void> {
    const failed = (sample: Sample) => (cause: unknown) => Promise.reject(new Error(`${sample}: ${cause}`, { cause }))
    await Promise.all(SAMPLES.map(sample => check(`test-${sample}`).catch(failed(sample))))
  }

  for (const sample of SAMPLES) {
    const name = `test-${sample}`

    describe(sample, () => {
      it('gets the call as it was made, and answers with its duration', async () => {
        const init = { method: 'PUT', body: 'a body', headers: { 'X-Asked': 'yes', 'Content-Type': 'text/plain' } }
        const answer = await ask(name, '/a/path?ms=7', init)
        expect(answer.text).to.equal('PUT /a/path 7 yes a body')
        expect(answer.status).to.equal(200)
        expect(answer.headers.get('content-type')).to.equal('text/plain; charset=utf-8')
        expect(Number(answer.headers.get('x-duration-seconds'))).to.be.within(0.000_001, 30)
      })

      it('answers 500 when it fails, and says why in its log', async () => {
        expect((await ask(name, '/fail')).status).to.equal(500)
        await eventually(async () =>
          expect(await logOf(name))
            .to.contain('asked for /fail')
            .and.contain('broken on purpose')
        )
        expect((await ask(name, '/after')).status).to.equal(200)
      })

      it('comes with a handler that greets, and asks for the key when it has one', async () => {
        const own = `own-${sample}`
        const refused = await ask(own, '/', { method: 'POST', body: 'Ada', headers: { 'X-Api-Key': 'guess' } })
        expect(refused.status).to.equal(sample === 'shell' ? 500 : 401)
        expect(refused.text).not.to.contain('Ada')
        const init = {
          method: 'POST',
          body: 'Ada',
          headers: { 'X-Api-Key': 'open-sesame', 'Content-Type': 'text/plain' }
        }
        const answer = await ask(own, '/', init)
        expect(answer.text).to.contain('Salut, Ada!')
        expect(answer.status).to.equal(200)
      })

      it('has a stack file that is applied as it stands', async () => {
        const path = fileURLToPath(new URL(`${sample}/stack.yml`, SOURCES))
        const env = { DOCKER_FAAS_GATEWAY: api.url, AUTH_PASSWORD: API_PASSWORD, GREETING: 'Salut' }
        const applied = await runCli(['apply', '-f', path], { env })
        // It tells of nothing that it passed over.
        expect(applied).to.include({ code: 0, stderr: '1 created\n' })
        const { spec } = (await api.store.functions.get(`openfaas-fn/hello-${sample}`)) ?? {}
        expect(spec).to.deep.include({
          image: `docker-faas/sample-${sample}`,
          env: { GREETING: 'Salut' },
          limits: { memory: '128Mi' },
          readOnlyRootFilesystem: true
        })
      })
    })
  }

  it('answer 429 beyond max_inflight, and are not ready for more, but healthy', () =>
    ofEach(async name => {
      const slow = [ask(name, '/sleep?ms=2000'), ask(name, '/sleep?ms=2000')]
      await eventually(async () => void expect((await ask(name, '/_/ready')).status).to.equal(429))
      expect((await ask(name, '/one-more')).status).to.equal(429)
      expect(await ask(name, '/_/health')).to.include({ status: 200, text: 'OK' })
      expect((await ask(name, '/_/health', { method: 'HEAD' })).status).to.equal(405)
      for (const answer of await Promise.all(slow)) expect(answer.status).to.equal(200)
      expect(await ask(name, '/_/ready')).to.include({ status: 200, text: 'OK' })
    }))

  it('answer 504 when exec_timeout is over', () =>
    ofEach(async name => {
      const answer = await ask(name, '/sleep?ms=6000')
      expect(answer.status).to.equal(504)
      expect(answer.text).to.contain('exec_timeout')
      expect((await ask(name, '/after')).status).to.equal(200)
    }))

  it('end the call under way when they are scaled down, neither healthy nor ready meanwhile, and then themselves', () =>
    ofEach(async name => {
      await gateway.scale(name, 2)
      await gateway.converged(name)
      const address = await addressOf(name, 1)
      // Of two replicas the second call gets the one without a call. Each holds until /go.
      const calls = [ask(name, '/hold'), ask(name, '/hold')]
      await eventually(async () => void expect(await logOf(name, 1)).to.contain('asked for /hold'))
      const ended = containerOf(name, 1).wait()
      await gateway.scale(name, 1)
      for (const path of ['/_/health', '/_/ready']) {
        await eventually(async () => void expect((await fetch(`http://${address}:8080${path}`)).status).to.equal(503))
      }
      await fetch(`http://${address}:8080/go`)
      await ask(name, '/go')
      for (const answer of await Promise.all(calls)) expect(answer.status, answer.text).to.equal(200)
      expect((await ended).StatusCode).to.equal(0)
    }))

  describe('fprocess', () => {
    it('runs any command in place of the handler, in Node and in Python', async () => {
      expect(await ask('command-node', '/x?a=1&b=%20')).to.include({ status: 200, text: 'a=1&b=%20\n' })
      expect(await ask('command-python', '/', { method: 'POST', body: 'four' })).to.include({
        status: 200,
        text: '4\n'
      })
    })

    it('is asked itself whether it is ready, when ready_path is given', async () => {
      expect(await ask('command-python', '/_/ready')).to.include({ status: 200, text: '0\n' })
    })

    it('streams: what it says is there before it ends', async () => {
      const url = `http://127.0.0.1:${gateway.port}/function/streaming/stream`
      const answer = await fetch(url, { headers: { authorization: AUTHORIZATION } })
      const reader = (answer.body as ReadableStream<Uint8Array>).getReader()
      const next = async () => Buffer.from((await reader.read()).value ?? []).toString()
      expect(await next()).to.equal('first\n')
      await ask('streaming', '/go')
      expect(await next()).to.equal('last\n')
      expect((await reader.read()).done).to.equal(true)
      expect(answer.headers.get('content-type')).to.equal('text/event-stream')
    })

    it('streams megabytes both ways, byte for byte, and goes on on the same connection', async () => {
      const body = Buffer.alloc(3_000_000, Buffer.from([...Array(251).keys()]))
      const headers = { authorization: AUTHORIZATION }
      const url = `http://127.0.0.1:${gateway.port}/function/streaming/body`
      for (let round = 0; round < 2; round++) {
        const answer = await fetch(url, { method: 'POST', headers, body })
        expect(body.equals(Buffer.from(await answer.arrayBuffer()))).to.equal(true)
      }
    })

    it('breaks an answer off when it fails in the middle of it, and says 500 when it does so before', async () => {
      const error = await ask('streaming', '/half').then(
        () => undefined,
        err => err as Error
      )
      expect(error?.message).to.match(/terminated|fetch failed/)
      expect((await ask('streaming', '/fail')).status).to.equal(500)
    })

    it('takes what a command started with it when it ends, and leaves no zombies', async () => {
      for (let round = 0; round < 3; round++) expect((await ask('streaming', '/orphan')).status).to.equal(200)
      await eventually(async () => {
        const { Processes: processes } = await containerOf('streaming').top()
        expect(processes).to.have.length(1)
      })
    })
  })
})
