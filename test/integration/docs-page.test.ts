import { expect } from 'chai'
import { type ApiServer, PASSWORD, startApi, USER } from '../helpers/api-server.ts'

describe('GET /docs', () => {
  let api: ApiServer
  let page: string
  let policy: string
  /** Of everything that the page loads, as it names it. */
  let parts: string[]

  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(new URL(path, `${api.url}/docs`), { headers, redirect: 'manual' })

  before(async () => {
    api = await startApi()
    const answer = await get('docs')
    expect(answer.status).to.equal(200)
    expect(answer.headers.get('content-type')).to.equal('text/html; charset=utf-8')
    policy = answer.headers.get('content-security-policy') ?? ''
    page = await answer.text()
    parts = [...page.matchAll(/<(?:script|link)[^>]*(?:src|href)="(?!data:)([^"]+)"/g)].map(([, path = '']) => path)
  })
  after(() => api[Symbol.asyncDispose]())

  it('needs no credentials, and neither does what it loads, which is all here', async () => {
    expect(parts).to.have.members(['docs/swagger-ui.css', 'docs/page.css', 'docs/swagger-ui-bundle.js', 'docs/page.js'])
    for (const path of parts) {
      const { status, headers, body } = await get(path)
      expect(status, path).to.equal(200)
      expect(headers.get('content-type'), path).to.match(path.endsWith('.js') ? /^text\/javascript/ : /^text\/css/)
      expect(headers.get('x-content-type-options')).to.equal('nosniff')
      expect(headers.get('content-security-policy')).to.equal(policy)
      await body?.cancel()
    }
  })

  it('runs nothing that is written in the page or comes from elsewhere', () => {
    expect(policy)
      .to.contain("default-src 'none'")
      .and.to.contain("script-src 'self'")
      .and.to.contain("style-src 'self'")
    expect(policy)
      .to.contain("frame-ancestors 'none'")
      .and.not.to.match(/unsafe|https?:|\*/)
    expect(page).not.to.match(/<script(?![^>]* src=)|<style|\son\w+=|\sstyle=|https?:|\/\//)
  })

  it('names everything from below where it is, so that it works below the prefix of a proxy', () => {
    for (const path of parts) expect(path).to.match(/^docs\/[a-z.-]+$/)
  })

  it('is sent again only when it is another', async () => {
    const etag = (await get('docs/page.js')).headers.get('etag') ?? ''
    const again = await get('docs/page.js', { 'if-none-match': etag })
    expect([again.status, await again.text()]).to.deep.equal([304, ''])
    expect((await get('docs/page.css', { 'if-none-match': etag })).status).to.equal(200)
  })

  it('is one page, with or without a slash', async () => {
    const { status, headers } = await get('docs/')
    expect([status, headers.get('location')]).to.deep.equal([302, '../docs'])
  })

  it('gives no other file', async () => {
    for (const path of ['docs/page.html', 'docs/package.json', 'docs/..%2fapp.ts', 'docs/swagger-ui.js']) {
      expect((await get(path)).status, path).to.equal(401)
      expect((await api.request('GET', `/${path}`)).status, path).to.equal(404)
    }
  })

  it('tries requests with a session that it opens, as a page here must not use the password of the browser', async () => {
    const ours = { 'sec-fetch-site': 'same-origin', origin: api.url }
    expect((await api.request('GET', '/system/functions', undefined, ours)).status).to.equal(403)
    const login = await fetch(`${api.url}/auth/login`, {
      ...{ method: 'POST', headers: ours, body: JSON.stringify({ username: USER, password: PASSWORD }) }
    })
    const { token } = (await login.json()) as { token: string }
    const bearer = { ...ours, authorization: `Bearer ${token}` }
    expect((await api.request('GET', '/openapi.json', undefined, bearer)).status).to.equal(200)
    expect((await api.request('POST', '/auth/logout', undefined, bearer)).status).to.equal(204)
    expect((await api.request('GET', '/openapi.json', undefined, bearer)).status).to.equal(401)
  })
})
