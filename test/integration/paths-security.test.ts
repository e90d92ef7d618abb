import { expect } from 'chai'
import { type ApiServer, AUTHORIZATION, startApi } from '../helpers/api-server.ts'
import { DataPlane, endpointOf } from '../helpers/data-plane.ts'
import { type StrictFunction, strictFunction, talk } from '../helpers/raw-http.ts'

const LINES = 'Host: x\r\nConnection: close\r\n'
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'QUERY']

/** Spellings of paths that some parser takes for the one behind them. */
const respellings = (path: string): string[] => [
  path,
  `/${path}`,
  `//x${path}`,
  `/.${path}`,
  `/x/..${path}`,
  `/livez/..${path}`,
  `/livez;${path}`,
  `/livez/%2e%2e${path}`,
  `/livez%2f..${path}`,
  `/function/fn/..${path}`,
  `/function/fn/%2e%2e/%2e%2e${path}`,
  `/function/fn/..;${path}`,
  `/function/fn\\..${path}`,
  `${path}/`,
  `${path}//`,
  `${path}/.`,
  `${path};a=b`,
  `${path}?/livez`,
  `${path}%3f/livez`,
  `${path}%00/livez`,
  `${path}#/livez`,
  path.toUpperCase(),
  path.replace('/', '/%'),
  path.replaceAll('s', '%73'),
  path.replaceAll('/', '%2f'),
  path.replaceAll('/', '\\'),
  `http://x${path}`,
  `http://x/livez${path}`
]

describe('paths that are spelt in other ways', () => {
  const functions = { fn: strictFunction(), other: strictFunction() } satisfies Record<string, StrictFunction>
  let plane: DataPlane
  let api: ApiServer
  before(async () => {
    plane = await new DataPlane().start()
    for (const [name, fn] of Object.entries(functions)) {
      const endpoints = [endpointOf(await plane.rawReplica(fn.onSocket))]
      plane.table.put({ key: `openfaas-fn/${name}`, uid: name, replicas: 1, endpoints })
    }
    plane.table.markComplete()
    api = await startApi({}, { proxy: plane.proxy, requireAuthForFunctions: false })
    expect(
      (await api.request('POST', '/v1/functions', { metadata: { name: 'hidden' }, spec: { image: 'classified' } }))
        .status
    ).to.equal(201)
  })
  after(async () => {
    await api[Symbol.asyncDispose]()
    await plane.stop()
  })
  beforeEach(() => {
    for (const fn of Object.values(functions)) fn.requests.length = 0
  })

  for (const path of [
    '/system/functions',
    '/system/function/hidden',
    '/v1/functions',
    '/v1/functions/hidden',
    '/v1/audit',
    '/v1/tokens'
  ]) {
    it(`X15, S43: let nobody without credentials at ${path}`, async () => {
      for (const spelt of respellings(path)) {
        for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS']) {
          const { said, statuses } = await talk(api.port, `${method} ${spelt} HTTP/1.1\r\n${LINES}\r\n`)
          expect(said, `${method} ${spelt}`).not.to.contain('classified')
          // A spelling may be a call of a function, which is open here.
          if (statuses[0] === 200) expect(said, `${method} ${spelt}`).to.match(/X-Served-By/i)
          else expect(statuses[0], `${method} ${spelt}`).to.be.oneOf([400, 401, 404])
        }
      }
      expect((await api.request('GET', '/v1/functions/hidden')).status).to.equal(200)
    })
  }

  it('X15, S43: make no route of another method, whatever header asks for it', async () => {
    for (const name of ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override']) {
      const answer = await api.request('GET', '/v1/functions/hidden?_method=DELETE', undefined, { [name]: 'DELETE' })
      expect(answer.status).to.equal(200)
    }
    for (const method of METHODS) {
      const { statuses } = await talk(api.port, `${method} /v1/functions HTTP/1.1\r\n${LINES}\r\n`)
      expect(statuses[0], method).to.be.oneOf([400, 401])
    }
  })

  it('S36: are of functions, whose pages may not use the API with the password that a browser keeps', async () => {
    const fromPage = { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' }
    for (const method of ['GET', 'DELETE']) {
      const answer = await api.request(method, '/v1/functions/hidden', undefined, fromPage)
      expect([answer.status, answer.json.code]).to.deep.equal([403, 'FUNCTION_PAGE'])
    }
    expect((await api.request('GET', '/v1/functions/hidden')).status).to.equal(200)
    expect((await api.request('GET', '/function/fn', undefined, fromPage)).status).to.equal(200)
  })

  it('X15: lead a call to the function that is named first, or nowhere', async () => {
    const spellings = [
      '/function/fn/../other',
      '/function/fn/%2e%2e/other',
      '/function/fn/.%2e/other',
      '/function/fn/..%2fother',
      '/function/fn/..%5cother',
      '/function/fn\\..\\other',
      '/function/fn/..;/other',
      '/function/./other',
      '/function//other',
      '//function/other',
      '/function/fn%2f..%2fother',
      '/function/fn%00other',
      '/function/fn%0d%0aother',
      '/function/fn\tother',
      '/FUNCTION/other',
      '/function/OTHER',
      '/function/other.openfaas-fn.',
      '/function/other..openfaas-fn',
      '/function/.other',
      '/function/other%2eopenfaas-fn',
      '/function/%6fther',
      '/function/\xf6ther',
      '/function/other\u202e',
      '/system/../function/other',
      '/livez/../function/other'
    ]
    for (const spelt of spellings) {
      const bytes = `GET ${spelt} HTTP/1.1\r\n${LINES}Authorization: ${AUTHORIZATION}\r\n\r\n`
      const { statuses } = await talk(api.port, Buffer.from(bytes, 'utf8').toString('latin1'))
      expect(functions.other.requests, spelt).to.deep.equal([])
      if (functions.fn.requests.length === 0) expect(statuses[0], spelt).to.be.oneOf([400, 404])
      for (const { line } of functions.fn.requests.splice(0)) expect(line).not.to.match(/\.\.[/\\]|%2e%2e/i)
    }
  })
})
