import { expect } from 'chai'
import { type ApiServer, startApi } from '../helpers/api-server.ts'
import { createNamespaces } from '../helpers/namespaces.ts'

const HELLO = { service: 'hello', image: 'hello:1' }

interface Usage {
  readonly name: string
  readonly usage?: object
}

describe('the OpenFaaS API', () => {
  let api: ApiServer
  beforeEach(async () => {
    api = await startApi()
    await createNamespaces(api.store, ['team-a', 'team-b'])
  })
  afterEach(() => api[Symbol.asyncDispose]())

  describe('deploying', () => {
    it('answers 202, writes the function down and wakes the loop after the commit', async () => {
      const answer = await api.request('POST', '/system/functions', HELLO)
      expect(answer.status).to.equal(202)
      expect(answer.text).to.equal('')
      expect(api.enqueued).to.deep.equal(['openfaas-fn/hello'])
      expect((await api.store.functions.get('openfaas-fn/hello'))?.spec.replicas).to.equal(1)
    })

    it('shows the function straight after the answer', async () => {
      await api.request('POST', '/system/functions', HELLO)
      expect((await api.request('GET', '/system/function/hello')).json).to.include({ name: 'hello', image: 'hello:1' })
      expect((await api.request('GET', '/system/functions')).json).to.have.length(1)
    })

    it('answers 202 for the same spec again and keeps the generation', async () => {
      const deployment = { ...HELLO, labels: { a: 'b' }, envVars: { B: '1', A: '2' }, secrets: null, annotations: null }
      await api.request('POST', '/system/functions', deployment)
      const again = { ...HELLO, envVars: { A: '2', B: '1' }, labels: { a: 'b', faas_function: 'hello' } }
      expect((await api.request('POST', '/system/functions', again)).status).to.equal(202)
      expect((await api.store.functions.get('openfaas-fn/hello'))?.metadata.generation).to.equal(1)
    })

    it('answers 409 for another spec under a name in use', async () => {
      await api.request('POST', '/system/functions', HELLO)
      const answer = await api.request('POST', '/system/functions', { ...HELLO, image: 'hello:2' })
      expect(answer.status).to.equal(409)
      expect(answer.text).to.contain('already exists: update it instead')
      expect(answer.headers.get('content-type')).to.contain('text/plain')
    })

    it('takes the namespace from the query or the body, and refuses two', async () => {
      await api.request('POST', '/system/functions?namespace=team-a', HELLO)
      await api.request('POST', '/system/functions', { ...HELLO, namespace: 'team-b' })
      expect(api.enqueued).to.deep.equal(['team-a/hello', 'team-b/hello'])
      const both = await api.request('POST', '/system/functions?namespace=team-a', { ...HELLO, namespace: 'team-b' })
      expect(both.status).to.equal(400)
    })

    it('takes the first number of replicas from com.openfaas.scale.min', async () => {
      await api.request('POST', '/system/functions', { ...HELLO, labels: { 'com.openfaas.scale.min': '3' } })
      expect((await api.request('GET', '/system/function/hello')).json.replicas).to.equal(3)
    })

    it('deploys straight after a delete of the same name', async () => {
      await api.request('POST', '/system/functions', HELLO)
      const before = await api.store.functions.get('openfaas-fn/hello')
      expect((await api.request('DELETE', '/system/functions', { functionName: 'hello' })).status).to.equal(202)
      expect((await api.request('POST', '/system/functions', { ...HELLO, image: 'hello:2' })).status).to.equal(202)
      const after = await api.store.functions.get('openfaas-fn/hello')
      expect(after?.metadata.uid).not.to.equal(before?.metadata.uid)
      expect(after?.metadata).not.to.have.property('deletionRequestedAt')
    })

    const bad: [what: string, body: unknown, says: string][] = [
      ['an empty body', '', 'body is empty'],
      ['a body that is not JSON', '{', 'not JSON'],
      ['a list', [], 'JSON object'],
      ['a missing name', { image: 'a' }, 'service: is required'],
      ['a missing image', { service: 'a' }, 'image: is required'],
      ['a name that is no DNS label', { ...HELLO, service: 'Hello_1' }, 'service: must be a DNS label'],
      ['a name of 64 characters', { ...HELLO, service: 'a'.repeat(64) }, 'service: must be a DNS label'],
      ['a name with a slash', { ...HELLO, service: '../x' }, 'service: must be a DNS label'],
      ['a namespace that is no DNS label', { ...HELLO, namespace: 'Team A' }, 'namespace: must be a DNS label'],
      ['a wrong image', { ...HELLO, image: 'a b' }, 'image: must be an image reference'],
      ['a wrong memory limit', { ...HELLO, limits: { memory: 'lots' } }, 'limits.memory: must be a memory quantity'],
      ['a wrong CPU request', { ...HELLO, requests: { cpu: '-1' } }, 'requests.cpu: must be a CPU quantity'],
      ['a label of our own', { ...HELLO, labels: { 'com.docker-faas.uid': 'x' } }, 'is reserved'],
      ['a minimum above the maximum', { ...HELLO, labels: { 'com.openfaas.scale.min': '11' } }, 'must be at most 10'],
      ['a secret that traverses', { ...HELLO, secrets: ['../../etc/passwd'] }, 'secrets.0: must be letters'],
      ['an environment that is no text', { ...HELLO, envVars: { A: 1 } }, 'envVars.A: must be a string']
    ]
    for (const [what, body, says] of bad) {
      it(`S40: answers 400 for ${what} and says so`, async () => {
        const answer = await api.request('POST', '/system/functions', body)
        expect(answer.status).to.equal(400)
        expect(answer.text).to.contain(says)
        expect(api.enqueued).to.deep.equal([])
      })
    }

    it('S28: repeats no value of the environment in an error', async () => {
      const body = {
        ...HELLO,
        envVars: { TOKEN: 'canary\0', 'BAD KEY': 'canary2' },
        envProcess: `canary3${'x'.repeat(5000)}`
      }
      const answer = await api.request('POST', '/system/functions', body)
      expect(answer.status).to.equal(400)
      expect(answer.text).not.to.contain('canary')
    })

    for (const poison of [
      '{"service":"a","image":"b","__proto__":{"x":1}}',
      '{"service":"a","image":"b","labels":{"__proto__":"x"}}',
      '{"service":"a","image":"b","constructor":{"prototype":{"x":1}}}'
    ]) {
      it(`S23: answers 400 for ${poison}`, async () => {
        const answer = await api.request('POST', '/system/functions', poison)
        expect(answer.status).to.equal(400)
        expect(answer.text).to.contain('is not allowed as a key')
      })
    }

    it('S40: answers 413 for a body beyond 1 MiB, and takes one of exactly that', async () => {
      const head = JSON.stringify({ ...HELLO, ignored: '' }).slice(0, -2)
      const exact = `${head}${'x'.repeat(1024 * 1024 - head.length - 2)}"}`
      expect((await api.request('POST', '/system/functions', exact)).status).to.equal(202)
      expect((await api.request('POST', '/system/functions', `${exact} `)).status).to.equal(413)
    })

    it('S40: answers 400 for a body that is nested too deeply', async () => {
      const answer = await api.request(
        'POST',
        '/system/functions',
        `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
      )
      expect(answer.status).to.equal(400)
      expect(answer.text).to.contain('levels deep')
    })

    it('ignores unknown fields and any content type', async () => {
      const body = { ...HELLO, registryAuth: 'abc', nonsense: { a: [1] } }
      const answer = await api.request('POST', '/system/functions', body, {
        'content-type': 'application/x-www-form-urlencoded'
      })
      expect(answer.status).to.equal(202)
      expect((await api.request('GET', '/system/function/hello')).text).not.to.contain('abc')
    })
  })

  describe('updating', () => {
    it('answers 404 for an unknown function, as faas-cli needs it', async () => {
      expect((await api.request('PUT', '/system/functions', HELLO)).status).to.equal(404)
    })

    it('answers 202, raises the generation and keeps the replicas', async () => {
      await api.request('POST', '/system/functions', HELLO)
      await api.request('POST', '/system/scale-function/hello', { replicas: 4 })
      expect((await api.request('PUT', '/system/functions', { ...HELLO, image: 'hello:2' })).status).to.equal(202)
      const object = await api.store.functions.get('openfaas-fn/hello')
      expect(object?.spec).to.include({ image: 'hello:2', replicas: 4 })
      expect(object?.metadata.generation).to.equal(3)
    })
  })

  describe('reading', () => {
    it('gives everything back as it was deployed', async () => {
      const deployment = {
        ...HELLO,
        envProcess: 'node index.js',
        envVars: { A: '1' },
        constraints: ['node.platform.os == linux'],
        secrets: ['token'],
        labels: { team: 'a' },
        annotations: { 'com.openfaas.ready.http.path': '/ready' },
        limits: { memory: '5Mi', cpu: '0' },
        requests: { cpu: '100m', memory: '' },
        readOnlyRootFilesystem: true
      }
      await api.request('POST', '/system/secrets', { name: 'token', value: 'v' })
      await api.request('POST', '/system/functions', deployment)
      const { createdAt, ...rest } = (await api.request('GET', '/system/function/hello?usage=1')).json
      const { service, ...sent } = deployment
      expect(rest).to.deep.equal({
        ...sent,
        name: service,
        namespace: 'openfaas-fn',
        labels: { team: 'a', faas_function: 'hello' },
        limits: { memory: '5Mi' },
        requests: { cpu: '100m' },
        replicas: 1,
        availableReplicas: 0,
        invocationCount: 0
      })
      expect(Date.parse(createdAt)).to.be.closeTo(Date.now(), 60_000)
    })

    it('leaves out what is unset', async () => {
      await api.request('POST', '/system/functions', HELLO)
      const [first] = (await api.request('GET', '/system/functions')).json
      expect(first).to.have.keys(
        ...['name', 'namespace', 'image', 'labels', 'replicas', 'availableReplicas', 'invocationCount', 'createdAt']
      )
    })

    it('gives usage when it is asked for, in list and describe, without what is 0 or cannot be read', async () => {
      const asked: string[][] = []
      const of = async (keys: readonly string[]) => {
        asked.push([...keys])
        return new Map([
          ['openfaas-fn/busy', { cpuMillicores: 12.5, memoryBytes: 2 ** 20 }],
          ['openfaas-fn/frozen', { cpuMillicores: 0, memoryBytes: 4096 }],
          ['openfaas-fn/none', { cpuMillicores: 0, memoryBytes: 0 }]
        ])
      }
      await using other = await startApi({ usage: { of } })
      const names = ['busy', 'frozen', 'none', 'unread']
      for (const service of names) await other.request('POST', '/system/functions', { ...HELLO, service })
      const list = async (query: string) => (await other.request('GET', `/system/functions${query}`)).json
      expect(Object.fromEntries((await list('?usage=1')).map((f: Usage) => [f.name, f.usage]))).to.deep.equal({
        busy: { cpu: 12.5, totalMemoryBytes: 2 ** 20 },
        frozen: { totalMemoryBytes: 4096 },
        none: undefined,
        unread: undefined
      })
      const busy = await other.request('GET', '/system/function/busy?usage=1')
      expect(busy.json.usage).to.deep.equal({ cpu: 12.5, totalMemoryBytes: 2 ** 20 })
      expect(asked.at(-1)).to.deep.equal(['openfaas-fn/busy'])
      expect((await list(''))[0]).not.to.have.property('usage')
      expect((await other.request('GET', '/system/function/busy?usage=0')).json).not.to.have.property('usage')
      expect(asked).to.have.length(2)
    })

    it('lists only the namespace that is asked for', async () => {
      await api.request('POST', '/system/functions?namespace=team-a', HELLO)
      await api.request('POST', '/system/functions', { ...HELLO, service: 'counted' })
      const names = (answer: { json: { name: string }[] }) => answer.json.map(({ name }) => name)
      expect(names(await api.request('GET', '/system/functions'))).to.deep.equal(['counted'])
      expect(names(await api.request('GET', '/system/functions?namespace=team-a'))).to.deep.equal(['hello'])
      expect((await api.request('GET', '/system/functions?namespace=team-b')).json).to.deep.equal([])
      expect((await api.request('GET', '/system/functions?namespace=none')).status).to.equal(400)
      expect((await api.request('GET', '/system/functions?namespace=No!')).status).to.equal(400)
      expect((await api.request('GET', '/system/functions')).json[0].invocationCount).to.equal(7)
    })

    it('answers 404 for an unknown function, or a name that none can have', async () => {
      for (const name of [
        'none',
        'a%2Fb',
        '..%2f..',
        '%00',
        'a'.repeat(300),
        'constructor',
        '__proto__',
        '%zz',
        '%ff'
      ]) {
        expect((await api.request('GET', `/system/function/${name}`)).status, name).to.equal(404)
      }
    })

    it('answers HEAD like GET without a body', async () => {
      const answer = await api.request('HEAD', '/system/functions')
      expect(answer.status).to.equal(200)
      expect(answer.text).to.equal('')
    })
  })

  describe('deleting', () => {
    it('answers 202, hides the function at once, and 404 from then on', async () => {
      await api.request('POST', '/system/functions', HELLO)
      expect((await api.request('DELETE', '/system/functions', { functionName: 'hello' })).status).to.equal(202)
      expect(api.enqueued).to.have.length(2)
      expect((await api.request('GET', '/system/function/hello')).status).to.equal(404)
      expect((await api.request('GET', '/system/functions')).json).to.deep.equal([])
      expect((await api.request('DELETE', '/system/functions', { functionName: 'hello' })).status).to.equal(404)
      expect((await api.request('POST', '/system/scale-function/hello', { replicas: 1 })).status).to.equal(404)
      expect((await api.request('PUT', '/system/functions', HELLO)).status).to.equal(404)
    })

    it('takes the namespace from query or body, and the name from the query too', async () => {
      await createNamespaces(api.store, ['a', 'b', 'c'])
      for (const namespace of ['a', 'b', 'c'])
        await api.request('POST', `/system/functions?namespace=${namespace}`, HELLO)
      const body = { functionName: 'hello' }
      expect((await api.request('DELETE', '/system/functions', body)).status).to.equal(404)
      expect((await api.request('DELETE', '/system/functions?namespace=a', body)).status).to.equal(202)
      expect((await api.request('DELETE', '/system/functions', { ...body, namespace: 'b' })).status).to.equal(202)
      expect((await api.request('DELETE', '/system/functions?functionName=hello&namespace=c')).status).to.equal(202)
    })

    it('answers 400 without a name', async () => {
      expect((await api.request('DELETE', '/system/functions', {})).status).to.equal(400)
      expect((await api.request('DELETE', '/system/functions')).status).to.equal(400)
    })
  })

  describe('scaling', () => {
    beforeEach(() => api.request('POST', '/system/functions', HELLO))

    const table: [body: unknown, status: number][] = [
      [{ serviceName: 'hello', replicas: 2 }, 202],
      [{ serviceName: 'another', replicas: 0 }, 202],
      [{ replicas: 10 }, 202],
      [{ replicas: 11 }, 400],
      [{ replicas: -1 }, 400],
      [{ replicas: 1.5 }, 400],
      [{ replicas: '2' }, 400],
      [{ serviceName: 'hello' }, 400],
      ['', 400]
    ]
    for (const [body, status] of table) {
      it(`answers ${status} for ${JSON.stringify(body)}`, async () => {
        const answer = await api.request('POST', '/system/scale-function/hello', body)
        expect(answer.status).to.equal(status)
        const wanted = status === 202 ? (body as { replicas: number }).replicas : 1
        expect((await api.request('GET', '/system/function/hello')).json.replicas).to.equal(wanted)
      })
    }

    it('names the limit', async () => {
      const answer = await api.request('POST', '/system/scale-function/hello', { replicas: 11 })
      expect(answer.text).to.equal('replicas: must be at most 10 (MAX_REPLICAS), got 11\n')
    })

    it('answers 404 for an unknown function', async () => {
      expect((await api.request('POST', '/system/scale-function/none', { replicas: 1 })).status).to.equal(404)
    })
  })

  describe('the gateway itself', () => {
    it('says who it is', async () => {
      const { json } = await api.request('GET', '/system/info')
      expect(json.provider).to.deep.equal({
        provider: 'docker-faas',
        orchestration: 'docker',
        version: { release: '3.0.0', sha: 'abc1234' }
      })
      expect(json.version).to.deep.equal({ release: '3.0.0', sha: 'abc1234', commit_message: '' })
      expect(json.arch).to.be.a('string')
    })

    it('lists the namespaces', async () => {
      const { json } = await api.request('GET', '/system/namespaces')
      expect(json).to.deep.equal(['openfaas-fn', 'team-a', 'team-b'])
    })

    it('shows its configuration and metrics', async () => {
      expect((await api.request('GET', '/system/config')).json).to.include({ authEnabled: true })
      const metrics = await api.request('GET', '/system/metrics')
      expect(metrics.text).to.equal('gateway_up 1\n')
      expect(metrics.headers.get('content-type')).to.equal('text/plain; version=0.0.4; charset=utf-8')
    })

    it('answers 404 for an unknown route and 405 with Allow for a wrong method', async () => {
      expect((await api.request('GET', '/system/nothing')).status).to.equal(404)
      const answer = await api.request('PATCH', '/system/functions', HELLO)
      expect(answer.status).to.equal(405)
      expect(answer.headers.get('allow')).to.equal('DELETE, GET, HEAD, OPTIONS, POST, PUT')
      expect((await api.request('OPTIONS', '/system/functions')).status).to.equal(204)
    })

    it('counts requests by route template, never by raw path', async () => {
      await api.request('GET', '/system/function/some-name')
      await api.request('GET', '/nowhere/at-all')
      const seen = api.observed.map(({ method, path, code }) => `${method} ${path} ${code}`)
      expect(seen).to.deep.equal(['GET /system/function/:name 404', 'GET unmatched 404'])
      expect(api.observed[0]?.seconds).to.be.within(0, 10)
    })
  })

  it('S41: tells nothing of an internal error, and logs it once', async () => {
    await using broken = await startApi({
      invocationCount: () => {
        throw new TypeError('internal detail at /work/secret.ts:1')
      }
    })
    await broken.request('POST', '/system/functions', HELLO)
    const answer = await broken.request('GET', '/system/functions')
    expect(answer.status).to.equal(500)
    expect(answer.text).not.to.match(/internal detail|at \/|TypeError/)
    expect(broken.logged.filter(({ level }) => level === 'error')).to.have.length(1)
  })
})
