import { expect } from 'chai'
import { StoreUnavailableError } from '../../src/store/errors.ts'
import { type ApiServer, AUTHORIZATION, HEALTHY, startApi } from '../helpers/api-server.ts'

describe('the API and who says nothing of himself', () => {
  let api: ApiServer
  beforeEach(async () => {
    api = await startApi()
  })
  afterEach(() => api[Symbol.asyncDispose]())

  describe('health', () => {
    it('answers without credentials', async () => {
      for (const path of ['/healthz', '/livez', '/readyz']) {
        const answer = await fetch(`${api.url}${path}`)
        expect(answer.status, path).to.equal(200)
      }
      expect(await (await fetch(`${api.url}/healthz`)).text()).to.equal('OK')
    })

    it('gives the checks as JSON', async () => {
      const answer = await api.request('GET', '/healthz', undefined, { accept: 'application/json' })
      expect(answer.json).to.deep.equal({ status: 'ok', checks: { database: 'ok', docker: 'ok', network: 'ok' } })
    })

    it('D4: is unhealthy but alive and degraded without the engine, and tells anonymous callers no details', async () => {
      api.setState({ ...HEALTHY, engine: { reachable: false, error: 'connect ENOENT /secret/path' } })
      const health = await api.request('GET', '/healthz', undefined, { accept: 'application/json' })
      expect(health.status).to.equal(503)
      expect(health.json.checks).to.deep.equal({ database: 'ok', docker: 'error', network: 'error' })
      expect((await api.request('GET', '/livez')).status).to.equal(200)
      const ready = await api.request('GET', '/readyz?verbose')
      expect(ready.status).to.equal(200)
      expect(ready.text).to.contain('[-] engine').and.to.contain('degraded')
      expect(health.text + ready.text).not.to.contain('secret')
    })

    it('is not ready before the first full resync', async () => {
      api.setState({ ...HEALTHY, ready: false })
      const answer = await api.request('GET', '/readyz?verbose')
      expect(answer.status).to.equal(503)
      expect(answer.text).to.contain('[+] database ok').and.to.contain('[-] resync')
    })

    it('is not ready while it stops', async () => {
      api.shutDown()
      expect((await api.request('GET', '/readyz')).status).to.equal(503)
    })

    it('is unhealthy without its database', async () => {
      api.store.functions.get = () => Promise.reject(new StoreUnavailableError('SQLITE_IOERR'))
      const answer = await api.request('GET', '/healthz', undefined, { accept: 'application/json' })
      expect(answer.status).to.equal(503)
      expect(answer.json.checks.database).to.equal('error')
    })
  })

  describe('authentication', () => {
    const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
    const wrong: Record<string, Record<string, string>> = {
      'no header': {},
      'an empty Bearer, as faas-cli sends after logout': { authorization: 'Bearer ' },
      'a wrong password': { authorization: basic('admin:wrong') },
      'a wrong user': { authorization: basic('root:correct-horse-battery') },
      'no password': { authorization: basic('admin') },
      'an empty Basic': { authorization: 'Basic ' },
      'another scheme': { authorization: AUTHORIZATION.replace('Basic', 'Digest') }
    }
    for (const [what, headers] of Object.entries(wrong)) {
      it(`answers 401 with a challenge for ${what}, on every route but health`, async () => {
        for (const path of [
          '/system/functions',
          '/system/info',
          '/system/metrics',
          '/v1/functions',
          '/nowhere',
          '/function/hello'
        ]) {
          const answer = await fetch(`${api.url}${path}`, { headers })
          expect(answer.status, path).to.equal(401)
          expect(answer.headers.get('www-authenticate')).to.equal('Basic realm="Restricted"')
        }
      })
    }
  })
})
