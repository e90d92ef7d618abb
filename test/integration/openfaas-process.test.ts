import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { useTestRun } from '../helpers/docker-run.ts'
import { eventually } from '../helpers/eventually.ts'
import { aDeployment, FaasCli } from '../helpers/faas-cli.ts'
import { testkitImage } from '../helpers/images.ts'
import { ServeProcess } from '../helpers/serve-process.ts'

const LOGIN = { user: 'admin', password: 'correct-horse-battery' }
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const UNIX_NANOS = /^1[0-9]{18}$/

/** What containers and worker processes have a part in. The ids are those of test/helpers/openfaas-lines.ts. */
describe('the OpenFaaS contract, on a gateway with workers', function () {
  this.timeout(60_000)
  const run = useTestRun()
  let folder: string
  let gateway: ServeProcess
  let cli: FaasCli
  let name: string

  const start = async () => {
    const { instance, prefix } = run()
    gateway = new ServeProcess({
      ...{ INSTANCE_ID: instance, STATE_DB_PATH: join(folder, 'test.db'), FUNCTIONS_NETWORK: `${prefix}net` },
      ...{ GATEWAY_WORKERS: '1', SHUTDOWN_GRACE: '10s', REQUIRE_AUTH_FOR_FUNCTIONS: 'false' },
      ...{ AUTH_ENABLED: 'true', AUTH_PASSWORD: LOGIN.password }
    })
    cli = new FaasCli(await gateway.listening(), LOGIN)
  }
  const describeIt = async () => (await cli.call('GET', `/system/function/${name}?usage=1`)).json
  const invoke = (method = 'POST', query = '', headers = {}) =>
    cli.send({
      ...{ method, path: `/function/${name}.openfaas-fn${query}`, body: method === 'GET' ? undefined : 'hello' },
      headers: { 'Content-Type': 'text/plain', ...headers }
    })
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'docker-faas-openfaas-'))
    await start()
    name = `${run().prefix}fn`
  })
  after(async () => {
    await gateway.kill()
    await rm(folder, { recursive: true })
  })

  it('cli.up: deploys, is ready when availableReplicas says so, and is called at once then', async () => {
    // More cores than there are, and less memory than Docker takes: either keeps nobody on Kubernetes from starting.
    const rest = { limits: { memory: '64Mi', cpu: '500' }, requests: { memory: '5Mi' }, envVars: { VERSION: 'one' } }
    const wanted = aDeployment(name, await testkitImage(), rest)
    expect(await cli.deploy(wanted)).to.deep.equal([404, 202])
    // Read your writes.
    expect(await describeIt()).to.include({ name, replicas: 1 })
    const ready = () => eventually(async () => expect((await describeIt()).availableReplicas).to.equal(1))
    await ready()
    const { status, json } = await invoke('POST', '?a=1&b')
    expect(status).to.equal(200)
    expect(json).to.include({ method: 'POST', url: '/?a=1&b', body: 'hello', env: 'one' })
    expect(json.headers['content-type']).to.equal('text/plain')
  })

  it('cli.invoke: sends each method, with no credentials', async () => {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
      expect((await invoke(method)).json.method).to.equal(method)
    }
  })

  it('headers.request: the function sees X-Call-Id, X-Start-Time and X-Forwarded-*', async () => {
    const { headers } = (await invoke('POST', '', { Host: 'faas.example:8080' })).json
    expect(headers['x-call-id']).to.match(UUID)
    expect(headers['x-start-time']).to.match(UNIX_NANOS)
    expect(headers['x-forwarded-host']).to.equal('faas.example:8080')
    expect(headers['x-forwarded-for']).to.match(/^(::ffff:)?127\.0\.0\.1$/)
    const kept = await invoke('POST', '', { 'X-Call-Id': 'mine-1' })
    expect(kept.json.headers['x-call-id']).to.equal('mine-1')
    expect(kept.headers).not.to.have.property('x-call-id')
  })

  it('headers.response: X-Call-Id when it was generated, X-Start-Time, X-Served-By', async () => {
    const { headers, json } = await invoke()
    expect(headers['x-call-id']).to.equal(json.headers['x-call-id'])
    expect(headers['x-start-time']).to.match(UNIX_NANOS)
    expect(headers['x-served-by']).to.be.a('string').and.not.equal('')
    expect(headers['x-content-type-options'], 'nothing else is added').to.equal(undefined)
  })

  it('headers.authorization: that of the caller reaches the function', async () => {
    const { json } = await invoke('POST', '', { Authorization: 'Bearer of-the-function' })
    expect(json.headers.authorization).to.equal('Bearer of-the-function')
  })

  it('api.function: 404 of what is not there, in words', async () => {
    const answer = await cli.send({ method: 'POST', path: '/function/none.openfaas-fn', body: '' })
    expect(answer.status).to.equal(404)
    expect(answer.text).to.contain('none')
  })

  it('cli.describe: has usage, the calls so far, and nothing of the image in envVars', async () => {
    await eventually(async () => {
      const found = await describeIt()
      expect(found.invocationCount).to.equal(10)
      expect(found.usage.totalMemoryBytes).to.be.within(2 ** 18, 2 ** 26)
      expect(found.envVars).to.deep.equal({ VERSION: 'one' })
      expect(found.limits).to.deep.equal({ memory: '64Mi', cpu: '500' })
      expect(found.requests).to.deep.equal({ memory: '5Mi' })
    })
  })

  it('cli.invoke-async: 202 without a body, and the function is called', async () => {
    const headers = { 'Content-Type': 'text/plain' }
    const path = `/async-function/${name}.openfaas-fn`
    const answer = await cli.send({ method: 'POST', path, body: 'later', headers })
    expect([answer.status, answer.text]).to.deep.equal([202, ''])
    expect(answer.headers['x-call-id']).to.match(UUID)
    expect(answer.headers['x-start-time']).to.match(UNIX_NANOS)
    await eventually(async () => expect((await describeIt()).invocationCount).to.equal(11))
  })

  it('metrics.names: has each metric of OpenFaaS with its labels', async () => {
    const label = `function_name="${name}.openfaas-fn"`
    const wanted = [
      `gateway_function_invocation_total{${label},code="200"}`,
      `gateway_functions_seconds_bucket{le="+Inf",${label},code="200"}`,
      `gateway_functions_seconds_sum{${label},code="200"}`,
      `gateway_functions_seconds_count{${label},code="200"}`,
      ...['gateway_function_invocation_started', 'gateway_service_count', 'gateway_service_ready_count'].map(
        metric => `${metric}{${label}}`
      ),
      ...['gateway_service_min', 'gateway_function_invocation_inflight', 'queue_worker_messages_submitted_total'].map(
        metric => `${metric}{${label}}`
      ),
      ...[
        'queue_worker_function_invocation_inflight',
        'pod_memory_working_set_bytes',
        'pod_cpu_usage_seconds_total'
      ].map(metric => `${metric}{${label}}`),
      `queue_worker_messages_processed_total{${label},result="done"}`,
      ...['provider_http_requests_total', 'http_requests_total', 'http_request_duration_seconds_count'].map(
        metric => `${metric}{method="POST",path="/system/functions",code="202"}`
      )
    ]
    await eventually(async () => {
      const lines = (await gateway.metrics()).split('\n')
      const missing = wanted.filter(series => !lines.some(line => line.startsWith(`${series} `)))
      expect(missing).to.deep.equal([])
    })
  })

  it('scale.from-zero: a call of a function at zero brings it back', async () => {
    const scale = (replicas: number) =>
      cli.call('POST', `/system/scale-function/${name}`, { serviceName: name, replicas })
    expect((await scale(0)).status).to.equal(202)
    await eventually(async () => expect(await describeIt()).to.include({ replicas: 0, availableReplicas: 0 }))
    expect((await describeIt()).usage).to.equal(undefined)
    expect((await invoke()).status).to.equal(200)
    expect((await describeIt()).replicas).to.equal(1)
  })

  it('api.invocation-count: is kept when the gateway is stopped, and when it is killed', async () => {
    const count = async () => (await describeIt()).invocationCount
    await eventually(async () => expect(await count()).to.equal(12))
    gateway.signal('SIGTERM')
    await gateway.exited
    await start()
    expect(await count()).to.equal(12)
    expect((await invoke()).status).to.equal(200)
    const written = /store_db_operations_total\{operation="putInvocationCounts",status="success"\} 1/
    await eventually(async () => expect(await gateway.metrics()).to.match(written), { timeoutMs: 10_000 })
    await gateway.kill()
    await start()
    expect(await count()).to.equal(13)
  })
})
