import { expect } from 'chai'
import { SCOPES, type Scope } from '../../api/scope.ts'
import { aDraft } from '../fixtures/db/files.ts'
import { exampleFor, listOperations, type Operation } from '../helpers/api-operations.ts'
import { type Answer, type ApiServer, startApi } from '../helpers/api-server.ts'
import { eventually } from '../helpers/eventually.ts'

/** In every object of others. */
const CANARY = 'canary-of-others'

/** So that there is something of it in each list. */
const SCHEDULED = { topic: 'cron-function', schedule: '0 0 1 1 *' }

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

describe('who may do what', () => {
  let api: ApiServer
  let operations: Operation[]
  let tokens = 0

  before(async () => {
    // Nobody's guesses are counted here: the table is full of wrong credentials.
    api = await startApi({}, {}, { limits: { limit: 0, windowMs: 60_000 } })
    operations = await listOperations(api)
  })
  after(() => api[Symbol.asyncDispose]())

  /** The header of a new token. */
  async function aToken(scopes: readonly Scope[], namespaces?: string[]): Promise<{ authorization: string }> {
    const name = `t-${++tokens}`
    const input = { name, scopes: [...scopes], ...(namespaces === undefined ? {} : { namespaces }) }
    return bearer((await api.identity.tokens.create(input, 'test')).token)
  }

  /** Sends the operation for the object `name` of the namespace, named in the query, or in the body where `inBody`. */
  function send(
    operation: Operation,
    { name, namespace, inBody = false }: { name: string; namespace: string; inBody?: boolean },
    headers: Record<string, string>
  ): Promise<Answer> {
    const { method, path, namespace: from } = operation
    const named = path.replaceAll(
      /\{\w+\}/g,
      from === 'path' ? `${name}.${namespace}` : from === 'named' ? namespace : name
    )
    const isAsked = ['query', 'body', 'visible'].includes(from) && !inBody
    const object = operation.isNamedInQuery ? `&name=${name}` : ''
    const url = isAsked ? `${named}?namespace=${namespace}${object}` : named
    return api.request(method.toUpperCase(), url, exampleFor(operation, namespace), headers)
  }

  /** A dead letter of that id, and a call that waits with it as its X-Call-Id. */
  async function anInvocation(namespace: string, id: string, about: string): Promise<void> {
    const { invocations } = api.store
    const draft = { namespace, name: 'x', method: 'POST', path: `/${about}`, headers: [], body: Buffer.from(about) }
    await invocations.accept({ ...draft, id, now: 0 })
    await invocations.bury(namespace, 'x', 0)
    await invocations.accept({ ...draft, id: `${id}-waits`, callId: id, now: 0 })
  }

  async function forAll(work: (operation: Operation) => Promise<void>): Promise<void> {
    for (const operation of operations) await work(operation)
  }

  const ABSENT = { name: 'absent', namespace: 'openfaas-fn' }
  const named = ({ method, path }: Operation) => `${method} ${path}`

  it('S43: tells nothing to whoever has no credentials, or wrong ones, but whether all is well', async () => {
    await api.store.functions.put(`openfaas-fn/${CANARY}`, () => aDraft(CANARY))
    const wrong = [
      { authorization: '' },
      { authorization: 'Bearer ' },
      { authorization: 'Basic ' },
      { authorization: `Basic ${btoa('admin:admin')}` },
      { authorization: `Basic ${btoa('admin:')}` },
      bearer(`dfaas_${'0'.repeat(16)}_${'A'.repeat(43)}`),
      { authorization: 'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.' }
    ]
    await forAll(async operation => {
      for (const headers of wrong) {
        const { status, text, headers: sent } = await send(operation, ABSENT, headers)
        expect(text, named(operation)).not.to.contain(CANARY)
        if (operation.scope === 'open' && operation.path !== '/auth/login') {
          expect(status, named(operation)).to.equal(200)
          expect(text, named(operation)).to.match(operation.path === '/docs' ? /^<!doctype html>/ : /^(OK|ready)$/)
        } else {
          expect(status, `${named(operation)} ${headers.authorization}`).to.equal(401)
          expect(sent.get('www-authenticate'), named(operation)).to.equal('Basic realm="Restricted"')
        }
      }
    })
    for (const path of [
      '/',
      '/metrics',
      '/v1',
      '/v1/nothing',
      '/debug/pprof',
      '/_/health',
      '/ui/',
      '/.env',
      '/auth',
      '/function'
    ]) {
      expect((await fetch(`${api.url}${path}`)).status, path).to.equal(401)
    }
    await api.store.functions.markDeleted(`openfaas-fn/${CANARY}`)
  })

  for (const scope of SCOPES) {
    it(`S21: lets credentials with ${scope} do what needs it, and nothing else`, async () => {
      const headers = await aToken([scope])
      await forAll(async operation => {
        const { status, text } = await send(operation, ABSENT, headers)
        const isEnough = scope === 'admin' || ['open', 'any', scope].includes(operation.scope)
        if (operation.path === '/auth/login') expect(status).to.equal(401)
        else if (isEnough) expect([401, 403], `${named(operation)} ${text}`).not.to.include(status)
        else expect([status, text.includes(`scope ${operation.scope}`)], named(operation)).to.deep.equal([403, true])
      })
    })
  }

  it('S21: lets the administrator do everything', async () => {
    await forAll(async operation => {
      const { status } = await send(operation, ABSENT, {})
      if (operation.path !== '/auth/login') expect([401, 403], named(operation)).not.to.include(status)
    })
  })

  describe('credentials that are bound to a namespace', () => {
    let mine: { authorization: string }

    before(async () => {
      mine = await aToken(['admin'], ['team-a'])
      for (const namespace of ['team-a', 'team-b']) {
        const about = namespace === 'team-b' ? CANARY : 'mine'
        await api.store.functions.put(`${namespace}/x`, () =>
          aDraft(
            'x',
            { image: `registry.example/${about}:1` },
            { namespace, labels: { about }, annotations: SCHEDULED }
          )
        )
        const { metadata } = (await api.store.functions.get(`${namespace}/x`)) ?? expect.fail('not written')
        await api.store.secrets.put(`${namespace}/x`, Buffer.from(about))
        await api.store.events.record({
          ...{ namespace, name: 'x', uid: metadata.uid },
          ...{ type: 'Normal', reason: 'Created', message: about }
        })
        await anInvocation(namespace, namespace === 'team-b' ? 'x' : 'own', about)
      }
    })

    const everything = async () => [
      await api.store.functions.list(),
      await api.store.secrets.list(),
      await api.store.tokens.list()
    ]

    /** Asks for what is in another namespace, and for what is nowhere: but for the names, the answers are the same. */
    async function compare(operation: Operation, inBody: boolean): Promise<void> {
      const theirs = await send(operation, { name: 'x', namespace: 'team-b', inBody }, mine)
      const nowhere = await send(operation, { name: 'y', namespace: 'team-c', inBody }, mine)
      expect(theirs.text, named(operation)).not.to.contain(CANARY)
      const isAboutMine = operation.namespace === 'visible' && theirs.status === 200
      if (!isAboutMine) expect([403, 404], `${named(operation)} ${theirs.text}`).to.include(theirs.status)
      expect(nowhere.status, named(operation)).to.equal(theirs.status)
      const withoutNames = (text: string) => text.replaceAll(/team-[bc]/g, 'TEAM').replaceAll(/([/ ])[xy]\b/g, '$1NAME')
      expect(withoutNames(nowhere.text), named(operation)).to.equal(withoutNames(theirs.text))
    }

    it('S22: cannot tell what is in another namespace from what is nowhere, and change nothing there', async () => {
      const before = JSON.stringify(await everything())
      await forAll(async operation => {
        if (operation.namespace === 'none') return
        await compare(operation, false)
        if (operation.hasBody) await compare(operation, true)
      })
      expect(JSON.stringify(await everything())).to.equal(before)
      expect(api.calls.filter(({ namespace }) => namespace !== 'openfaas-fn')).to.deep.equal([])
    })

    it('S22: may not do what is about the whole gateway', async () => {
      await forAll(async operation => {
        if (operation.namespace !== 'gateway') return
        expect((await send(operation, ABSENT, mine)).status, named(operation)).to.equal(403)
      })
    })

    it('S22: see their own in lists, and nothing of others', async () => {
      await forAll(async operation => {
        if (operation.namespace !== 'visible' || operation.method !== 'get' || operation.path.includes('{')) return
        const { status, text } = await api.request('GET', operation.path, undefined, mine)
        expect(status, named(operation)).to.equal(200)
        expect(text, named(operation)).to.contain('team-a')
        expect(text, named(operation)).not.to.match(/team-b|openfaas-fn|canary/)
      })
    })

    it('S22: are shown their own by a watch, and nothing of others', async () => {
      const gone = new AbortController()
      const response = await fetch(`${api.url}/v1/functions?watch=true`, { headers: mine, signal: gone.signal })
      let seen = ''
      const reading = (async () => {
        for await (const chunk of response.body ?? []) seen += Buffer.from(chunk).toString()
      })().catch(() => undefined)
      for (const namespace of ['team-b', 'team-a']) {
        await api.store.functions.put(`${namespace}/late`, () => aDraft('late', {}, { namespace }))
      }
      await eventually(() => expect(seen).to.contain('"late"'))
      expect(seen)
        .to.contain('"x"')
        .and.not.to.match(/team-b|canary/)
      gone.abort()
      await reading
    })

    it('S22: may do everything with their own', async function () {
      this.timeout(60_000)
      const ofNamespaces = operations.filter(({ namespace }) =>
        ['query', 'body', 'path', 'visible'].includes(namespace)
      )
      const requests = ofNamespaces.flatMap(operation =>
        operation.namespace === 'body' ? [{ operation, inBody: true }, { operation }] : [{ operation }]
      )
      for (const { operation, ...where } of requests) {
        await api.store.functions.put('team-a/x', () =>
          aDraft('x', { image: 'registry.example/mine:1' }, { namespace: 'team-a' })
        )
        await api.store.secrets.put('team-a/x', Buffer.from('mine'))
        await api.store.invocations.purge({})
        await api.store.invocations.cancel('x', 'all', 0)
        await api.store.invocations.prune({ endedBefore: Number.MAX_SAFE_INTEGER, deadBefore: 0, max: 0 })
        await anInvocation('team-a', 'x', 'mine')
        const { status, text } = await send(operation, { name: 'x', namespace: 'team-a', ...where }, mine)
        if (operation.method !== 'post' || status !== 409)
          expect(status, `${named(operation)} ${text}`).to.be.below(300)
      }
    })

    it('S22: name their namespace, or are told that the default one is not theirs', async () => {
      const { status, text } = await api.request('GET', '/system/functions', undefined, mine)
      expect([status, text]).to.deep.equal([403, 'these credentials are not for the namespace openfaas-fn\n'])
      expect((await api.request('GET', '/v1/functions/x', undefined, mine)).status).to.equal(404)
    })
  })
})
