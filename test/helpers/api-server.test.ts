import { expect } from 'chai'
import { startApi } from './api-server.ts'

describe('startApi', () => {
  it('serves the API over a database of its own, and nothing is left of it afterwards', async () => {
    const one = await startApi()
    const other = await startApi()
    await one.request('POST', '/v1/functions', { metadata: { name: 'a' }, spec: { image: 'x' } })
    expect((await one.request('GET', '/v1/schedules')).json.items).to.deep.equal([])
    expect((await other.request('GET', '/v1/functions')).json.items).to.deep.equal([])
    await one[Symbol.asyncDispose]()
    const refused = await fetch(`${one.url}/livez`).catch((err: Error) => (err.cause as { code?: string }).code)
    expect(refused).to.equal('ECONNREFUSED')
    expect((await other.request('GET', '/livez')).status).to.equal(200)
    await other[Symbol.asyncDispose]()
  })
})
