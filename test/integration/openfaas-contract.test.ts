import { expect } from 'chai'
import { type ApiServer, PASSWORD, startApi, USER } from '../helpers/api-server.ts'
import { aDeployment, FaasCli } from '../helpers/faas-cli.ts'
import { createNamespaces } from '../helpers/namespaces.ts'

/** Each line of the contract that needs no container, as faas-cli and the SDK speak it. The ids are those of test/helpers/openfaas-lines.ts. */
describe('the OpenFaaS contract, on the wire', () => {
  let api: ApiServer
  let cli: FaasCli
  before(async () => {
    api = await startApi()
    await createNamespaces(api.store, ['team-l', 'team-q', 'team-r', 'team-s', 'team-t', 'team-z'])
    cli = new FaasCli(api.port, { user: USER, password: PASSWORD })
  })
  after(() => api[Symbol.asyncDispose]())

  const deployed = async (name: string, rest: object = {}) => {
    await cli.deploy(aDeployment(name, 'registry.example/x:1', rest))
    return name
  }
  const get = async (name: string) => (await cli.call('GET', `/system/function/${name}`)).json

  describe('faas-cli', () => {
    it('cli.login: lists functions; 401 for a wrong password', async () => {
      const answer = await cli.call('GET', '/system/functions')
      expect(answer.status).to.equal(200)
      expect(answer.json).to.be.an('array')
      const wrong = new FaasCli(api.port, { user: USER, password: 'wrong' })
      expect((await wrong.call('GET', '/system/functions')).status).to.equal(401)
    })

    it('cli.logout: answers 401 to an empty Bearer, with the challenge', async () => {
      const headers = { Authorization: 'Bearer ' }
      const answer = await cli.send({ method: 'GET', path: '/system/functions', headers })
      expect(answer.status).to.equal(401)
      expect(answer.headers['www-authenticate']).to.equal('Basic realm="Restricted"')
    })

    it('cli.version: has the fields of the gateway and of its provider, and a name that is not faasd', async () => {
      const { status, json } = await cli.call('GET', '/system/info')
      expect(status).to.equal(200)
      expect(json).to.deep.equal({
        provider: { provider: 'docker-faas', orchestration: 'docker', version: { release: '3.0.0', sha: 'abc1234' } },
        version: { release: '3.0.0', sha: 'abc1234', commit_message: '' },
        arch: json.arch
      })
      expect(json.arch).to.match(/^(x86_64|aarch64|armv7l)$/)
    })

    it('cli.ready: answers /healthz without credentials', async () => {
      const answer = await cli.send({ method: 'GET', path: '/healthz' })
      expect([answer.status, answer.text]).to.deep.equal([200, 'OK'])
    })

    it('cli.ready-fn: tells how many replicas answer', async () => {
      await deployed('starting')
      const answer = await cli.call('GET', '/system/function/starting?usage=1')
      expect(answer.json).to.include({ replicas: 1, availableReplicas: 0 })
      expect((await cli.call('GET', '/system/function/starting?usage=1&namespace=team-a')).status).to.equal(404)
    })

    it('cli.deploy: is a PUT, on 404 a POST, and a PUT from then on', async () => {
      expect(await cli.deploy(aDeployment('fresh', 'registry.example/x:1'))).to.deep.equal([404, 202])
      expect(await cli.deploy(aDeployment('fresh', 'registry.example/x:2'))).to.deep.equal([202])
      expect((await get('fresh')).image).to.equal('registry.example/x:2')
    })

    it('cli.deploy-null: takes labels and annotations that are null or {}', async () => {
      for (const empty of [null, {}]) {
        const body = aDeployment('nulls', 'registry.example/x:1', { labels: empty, annotations: empty, envVars: empty })
        expect((await cli.deploy(body)).at(-1)).to.equal(202)
      }
      const found = await get('nulls')
      expect(found.labels).to.deep.equal({ faas_function: 'nulls' })
      expect(found).not.to.have.any.keys('annotations', 'envVars', 'limits', 'requests')
    })

    it('cli.deploy-old: takes the fields of older clients and ignores them', async () => {
      const rest = { network: '', registryAuth: 'dXNlcjpwYXNz', envProcess: 'cat' }
      expect((await cli.deploy(aDeployment('old', 'registry.example/x:1', rest))).at(-1)).to.equal(202)
      expect(await get('old')).not.to.have.any.keys('network', 'registryAuth')
    })

    it('cli.deploy-replace: takes the same name at once after a DELETE', async () => {
      await deployed('replaced')
      expect((await cli.remove('replaced')).status).to.equal(202)
      const again = await cli.call('POST', '/system/functions', aDeployment('replaced', 'registry.example/x:2'))
      expect(again.status).to.equal(202)
    })

    it('cli.list: shows what faas-cli prints, of one namespace', async () => {
      await deployed('listed')
      await deployed('elsewhere', { namespace: 'team-l' })
      const { json } = await cli.call('GET', '/system/functions')
      const found = json.find(({ name }: { name: string }) => name === 'listed')
      expect(found).to.include({ invocationCount: 0, replicas: 1, image: 'registry.example/x:1' })
      expect(Date.parse(found.createdAt)).to.be.closeTo(Date.now(), 60_000)
      expect(json.map(({ name }: { name: string }) => name)).not.to.include('elsewhere')
      const other = await cli.call('GET', '/system/functions?namespace=team-l')
      expect(other.json.map(({ name }: { name: string }) => name)).to.deep.equal(['elsewhere'])
    })

    it('cli.diff: gives back what was deployed, so that the same deployment is the same', async () => {
      await cli.call('POST', '/system/secrets', { name: 'diff-key', namespace: 'openfaas-fn', value: 'v' })
      const wanted = {
        ...{ envProcess: 'cat', envVars: { B: '2', A: '1' }, constraints: ['node.platform.os == linux'] },
        ...{ secrets: ['diff-key'], labels: { team: 'a' }, annotations: { 'com.openfaas.queue': 'slow' } },
        ...{ limits: { memory: '5Mi', cpu: '100m' }, requests: { memory: '5Mi' }, readOnlyRootFilesystem: true }
      }
      await deployed('diffed', wanted)
      const found = await get('diffed')
      expect(found).to.deep.include({ ...wanted, labels: { team: 'a', faas_function: 'diffed' } })
      const { name, replicas, availableReplicas, invocationCount, createdAt, ...rest } = found
      expect((await cli.call('POST', '/system/functions', { service: name, ...rest })).status).to.equal(202)
      expect((await api.store.functions.get('openfaas-fn/diffed'))?.metadata.generation).to.equal(1)
    })

    it('cli.remove: 202 for a name and a namespace in the body, 404 for what is not there', async () => {
      await deployed('removed')
      await deployed('removed', { namespace: 'team-r' })
      expect((await cli.remove('removed', 'openfaas-fn')).status).to.equal(202)
      expect((await cli.remove('removed', 'team-r')).status).to.equal(202)
      const again = await cli.remove('removed')
      expect(again.status).to.equal(404)
      expect(again.text).to.contain('removed')
    })

    it('cli.remove-old: takes the namespace of older clients from the query', async () => {
      await deployed('dropped', { namespace: 'team-q' })
      const answer = await cli.call('DELETE', '/system/functions?namespace=team-q', { functionName: 'dropped' })
      expect(answer.status).to.equal(202)
      expect((await cli.call('GET', '/system/functions?namespace=team-q')).json).to.deep.equal([])
    })

    it('cli.invoke: 401 without credentials, in words that say what to do', async () => {
      const headers = { 'Content-Type': 'text/plain' }
      const answer = await cli.send({ method: 'POST', path: '/function/any.openfaas-fn', body: 'x', headers })
      expect(answer.status).to.equal(401)
      expect(answer.text).to.contain('REQUIRE_AUTH_FOR_FUNCTIONS=false').and.to.contain('faas-cli')
      // What it says to do: -H.
      const { json } = await cli.call('POST', '/v1/tokens', { name: 'caller', scopes: ['invoke'] })
      const given = { ...headers, Authorization: `Bearer ${json.token}` }
      const called = await cli.send({ method: 'POST', path: '/function/any.openfaas-fn', body: 'x', headers: given })
      expect(called.status).to.equal(200)
    })

    it('cli.invoke: reaches the function by name and namespace with each method and query', async () => {
      await using open = await startApi({}, { requireAuthForFunctions: false })
      const client = new FaasCli(open.port)
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
        const headers = { 'Content-Type': 'text/plain' }
        const body = method === 'GET' ? undefined : 'x'
        const path = `/function/fn.openfaas-fn?a=1&b=2`
        expect((await client.send({ method, path, body, headers })).status, method).to.equal(200)
        expect(open.calls.at(-1), method).to.include({ namespace: 'openfaas-fn', name: 'fn', path: '/?a=1&b=2' })
      }
    })

    it('cli.secret: creates, lists, updates and removes, with statuses that faas-cli takes', async () => {
      const secret = { name: 's1', namespace: 'openfaas-fn', value: 'v' }
      expect((await cli.call('POST', '/system/secrets', secret)).status).to.equal(201)
      expect((await cli.call('POST', '/system/secrets', secret)).status).to.equal(409)
      const list = (await cli.call('GET', '/system/secrets?namespace=openfaas-fn')).json
      expect(list).to.deep.include({ name: 's1', namespace: 'openfaas-fn' })
      expect((await cli.call('PUT', '/system/secrets', { ...secret, value: 'w' })).status).to.equal(200)
      expect((await cli.call('PUT', '/system/secrets', { ...secret, name: 'none' })).status).to.equal(404)
      // 204 would be an error to faas-cli.
      expect((await cli.call('DELETE', '/system/secrets', { name: 's1' })).status).to.equal(200)
      expect((await cli.call('DELETE', '/system/secrets', { name: 's1' })).status).to.equal(404)
    })

    it('cli.secret-file: takes rawValue before value, as --from-file sends both', async () => {
      const raw = Buffer.from([0, 255, 10])
      const body = { name: 'raw', value: 'text', rawValue: raw.toString('base64') }
      expect((await cli.call('POST', '/system/secrets', body)).status).to.equal(201)
      const object = await api.store.secrets.get('openfaas-fn/raw')
      expect(object && (await api.store.secrets.reveal(object))).to.deep.equal(raw)
    })
  })

  describe('the API', () => {
    const bad: [what: string, body: unknown, says: string][] = [
      ['bad JSON', '{"service":', 'JSON'],
      ['a missing name', { image: 'a' }, 'service'],
      ['a bad name', aDeployment('Bad_Name', 'a'), 'service'],
      ['a name of 64 characters', aDeployment('a'.repeat(64), 'a'), 'service'],
      ['a missing image', { service: 'a' }, 'image'],
      ['an unknown secret', aDeployment('a', 'a', { secrets: ['no-such-secret'] }), 'no-such-secret'],
      ['a bad memory limit', aDeployment('a', 'a', { limits: { memory: '12Zi' } }), 'limits.memory'],
      ['a bad CPU request', aDeployment('a', 'a', { requests: { cpu: 'half' } }), 'requests.cpu']
    ]
    for (const [what, body, says] of bad) {
      it(`api.deploy-400: refuses ${what}, in words`, async () => {
        const answer = await cli.call('POST', '/system/functions', body)
        expect(answer.status).to.equal(400)
        expect(answer.headers['content-type']).to.contain('text/plain')
        expect(answer.text).to.contain(says)
      })
    }

    it('api.deploy-400: tells of every fault at once, of a secret that is missing too', async () => {
      const body = aDeployment('a', 'a', { secrets: ['none'], labels: { 'com.openfaas.scale.max': 'many' } })
      const { text } = await cli.call('POST', '/system/functions', body)
      expect(text).to.contain('there is no secret none').and.to.contain('com.openfaas.scale.max')
    })

    it('api.deploy-secret: of another namespace is unknown; one that was deleted keeps nobody from an update', async () => {
      await cli.call('POST', '/system/secrets', { name: 'ours', namespace: 'team-s', value: 'v' })
      const here = aDeployment('mounts', 'registry.example/x:1', { secrets: ['ours'] })
      expect((await cli.call('POST', '/system/functions', here)).status).to.equal(400)
      expect(await cli.deploy({ ...here, namespace: 'team-s' })).to.deep.equal([404, 202])
      await cli.call('DELETE', '/system/secrets', { name: 'ours', namespace: 'team-s' })
      expect(await cli.deploy({ ...here, namespace: 'team-s', image: 'registry.example/x:2' })).to.deep.equal([202])
    })

    it('api.deploy-existing: 409 for another spec, 202 and no new generation for the same', async () => {
      const body = aDeployment('there', 'registry.example/x:1')
      await cli.call('POST', '/system/functions', body)
      const other = await cli.call('POST', '/system/functions', { ...body, image: 'registry.example/x:2' })
      expect(other.status).to.equal(409)
      expect((await cli.call('POST', '/system/functions', body)).status).to.equal(202)
      expect((await api.store.functions.get('openfaas-fn/there'))?.metadata.generation).to.equal(1)
    })

    it('api.update: 202, 404 for what is not there, 400 for what is wrong', async () => {
      await deployed('updated')
      const body = aDeployment('updated', 'registry.example/x:3')
      expect((await cli.call('PUT', '/system/functions', body)).status).to.equal(202)
      expect((await cli.call('PUT', '/system/functions', { ...body, service: 'none' })).status).to.equal(404)
      expect((await cli.call('PUT', '/system/functions', { ...body, image: '' })).status).to.equal(400)
      expect((await cli.call('PUT', '/system/functions', '{')).status).to.equal(400)
    })

    it('api.delete: 202, 400 without a name, 404 for what is not there', async () => {
      await deployed('deleted')
      expect((await cli.call('DELETE', '/system/functions', {})).status).to.equal(400)
      expect((await cli.call('DELETE', '/system/functions', '{')).status).to.equal(400)
      expect((await cli.remove('none')).status).to.equal(404)
      expect((await cli.remove('deleted')).status).to.equal(202)
    })

    it('api.scale: 202, to zero as well; 400, 404; the name of the path holds', async () => {
      await deployed('scaled')
      const scale = (body: unknown, path = '/system/scale-function/scaled') => cli.call('POST', path, body)
      expect((await scale({ serviceName: 'other', replicas: 3, namespace: '' })).status).to.equal(202)
      expect((await get('scaled')).replicas).to.equal(3)
      expect((await scale({ serviceName: 'scaled', replicas: 0 })).status).to.equal(202)
      expect((await get('scaled')).replicas).to.equal(0)
      for (const body of ['', '{', {}, { replicas: -1 }, { replicas: '2' }, { replicas: 11 }]) {
        expect((await scale(body)).status, JSON.stringify(body)).to.equal(400)
      }
      expect((await scale({ replicas: 2 }, '/system/scale-function/none')).status).to.equal(404)
    })

    it('api.scale: finds the namespace in the query or in the body', async () => {
      await deployed('far', { namespace: 'team-z' })
      const inQuery = await cli.call('POST', '/system/scale-function/far?namespace=team-z', { replicas: 2 })
      expect(inQuery.status).to.equal(202)
      const inBody = await cli.call('POST', '/system/scale-function/far', { replicas: 3, namespace: 'team-z' })
      expect(inBody.status).to.equal(202)
      expect((await api.store.functions.get('team-z/far'))?.spec.replicas).to.equal(3)
    })

    it('api.get: 200, 404', async () => {
      await deployed('shown')
      expect(await get('shown')).to.include({ name: 'shown', namespace: 'openfaas-fn' })
      expect((await cli.call('GET', '/system/function/none?namespace=&usage=1')).status).to.equal(404)
    })

    it('api.telemetry: is not there, and the other methods of a route are 405', async () => {
      expect((await cli.call('GET', '/system/telemetry')).status).to.equal(404)
      const answer = await cli.call('PATCH', '/system/functions', {})
      expect([answer.status, answer.headers['allow']]).to.deep.equal([405, 'DELETE, GET, HEAD, OPTIONS, POST, PUT'])
    })

    it('api.root: leads whoever has credentials to a page, by 307', async () => {
      const answer = await cli.call('GET', '/')
      expect([answer.status, answer.headers['location']]).to.deep.equal([307, 'docs'])
      expect((await cli.send({ method: 'GET', path: '/' })).status).to.equal(401)
      expect((await cli.call('GET', '/docs')).headers['content-type']).to.contain('text/html')
    })

    it('api.401: asks for Basic credentials on every route of /system', async () => {
      const { paths } = (await cli.call('GET', '/openapi.json')).json as { paths: Record<string, object> }
      const routes = Object.entries(paths).flatMap(([path, methods]) =>
        Object.keys(methods).map(method => ({ method: method.toUpperCase(), path: path.replaceAll(/\{\w+\}/g, 'x') }))
      )
      const system = routes.filter(({ path }) => path.startsWith('/system'))
      expect(system).to.have.length.of.at.least(15)
      for (const route of system) {
        const answer = await cli.send(route)
        const challenge = answer.headers['www-authenticate']
        expect([answer.status, challenge], route.path).to.deep.equal([401, 'Basic realm="Restricted"'])
      }
    })

    it('trap.6: takes the namespace from query or body on every verb', async () => {
      const namespace = 'team-t'
      const body = aDeployment('trapped', 'registry.example/x:1')
      expect((await cli.call('POST', `/system/functions?namespace=${namespace}`, body)).status).to.equal(202)
      expect((await cli.call('PUT', '/system/functions', { ...body, namespace })).status).to.equal(202)
      expect((await cli.call('PUT', `/system/functions?namespace=${namespace}`, body)).status).to.equal(202)
      expect((await cli.call('GET', `/system/function/trapped?namespace=${namespace}`)).status).to.equal(200)
      expect((await cli.remove('trapped', namespace)).status).to.equal(202)
    })
  })
})
