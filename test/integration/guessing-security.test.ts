import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { expect } from 'chai'
import { ARGON2 } from '../../src/http/auth/password.ts'
import { createOrigins } from '../../src/http/client-address.ts'
import { type ApiServer, AUTHORIZATION, PASSWORD, startApi, USER } from '../helpers/api-server.ts'

const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

/** Written in another way than a login is, so that one knows nothing of the other. */
const KNOWN = AUTHORIZATION.replace('Basic', 'basic')

/** The statuses of requests with these headers, pipelined on one connection from the address, in their order. */
async function pipeline(api: ApiServer, localAddress: string, heads: readonly string[]): Promise<number[]> {
  const socket = connect({ port: api.port, host: '127.0.0.1', localAddress })
  let said = ''
  socket.setEncoding('latin1').on('data', chunk => {
    said += chunk
  })
  heads.forEach((head, n) => {
    const last = n === heads.length - 1 ? 'Connection: close\r\n' : ''
    socket.write(`GET /v1/functions HTTP/1.1\r\nHost: x\r\n${head}\r\n${last}\r\n`)
  })
  await once(socket, 'close')
  return [...said.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))
}

/** Status and headers of one request from the address. */
function from(api: ApiServer, localAddress: string, authorization: string, path = '/v1/functions', body?: string) {
  return new Promise<{ status: number; retryAfter: string | undefined; ms: number }>((resolve, reject) => {
    const started = performance.now()
    const method = body === undefined ? 'GET' : 'POST'
    const headers = { authorization, 'x-forwarded-for': '198.51.100.1' }
    const options = { host: '127.0.0.1', port: api.port, path, method, localAddress, headers, agent: false }
    const req = request(options, res => {
      res.resume()
      const { 'retry-after': retryAfter } = res.headers
      res.once('end', () => resolve({ status: res.statusCode ?? 0, retryAfter, ms: performance.now() - started }))
    })
    req.once('error', reject)
    req.end(body)
  })
}

describe('guessing passwords', () => {
  it('S19: functions that need no credentials are no way to guess, and never see the password of the gateway', async () => {
    await using open = await startApi({}, { requireAuthForFunctions: false })
    const call = (authorization: string) => open.request('GET', '/function/x', undefined, { authorization })
    const own = basic(USER, "the function's own")
    for (let n = 0; n < 30; n++) expect((await call(own)).status).to.equal(200)
    expect(open.calls.map(({ authorization }) => authorization)).to.deep.equal(Array.from({ length: 30 }, () => own))
    expect((await call(AUTHORIZATION)).status).to.equal(200)
    expect((await call(basic('somebody', 'else'))).status).to.equal(200)
    expect(open.calls.slice(30).map(({ authorization }) => authorization)).to.deep.equal([
      undefined,
      basic('somebody', 'else')
    ])
    const statuses: number[] = []
    for (let n = 0; n < 12; n++) statuses.push((await call(basic(USER, `guess-${n}`))).status)
    expect(statuses).to.deep.equal([...Array.from({ length: 9 }, () => 200), 429, 429, 429])
    expect((await call(own)).status, 'what is known to be no password of ours').to.equal(200)
    expect((await call(AUTHORIZATION)).status).to.equal(200)
  })

  it('S20: behind a proxy that is named, guesses count for the address that it gives, and not for what stands left of it', async () => {
    const { addressOf } = createOrigins(['127.0.0.9/32'])
    await using proxied = await startApi({ addressOf }, { addressOf })
    const guess = async (n: number, forwarded: string, peer = '127.0.0.9') => {
      const head = `Authorization: ${basic(USER, `${n}`)}\r\nX-Forwarded-For: ${forwarded}`
      return (await pipeline(proxied, peer, [head]))[0]
    }
    for (let n = 0; n < 10; n++) expect(await guess(n, `203.0.113.${n}, 198.51.100.7`)).to.equal(401)
    expect(await guess(10, '203.0.113.99, 198.51.100.7')).to.equal(429)
    expect(await guess(11, '198.51.100.8')).to.equal(401)
    expect(await guess(12, '198.51.100.7', '127.0.0.10'), 'of who is no proxy').to.equal(401)
    expect(proxied.logged.filter(({ message }) => message === 'Limited source')).to.deep.equal([
      { level: 'warn', fields: { source: '198.51.100.7' }, message: 'Limited source' }
    ])
  })

  let api: ApiServer
  const told: string[] = []
  beforeEach(async () => {
    told.length = 0
    const onRefused = (reason: string) => void told.push(reason)
    api = await startApi({}, {}, { cost: ARGON2, onRefused, limits: { limit: 10, windowMs: 60_000 } })
  })
  afterEach(() => api[Symbol.asyncDispose]())

  it('S19: 10,000 guesses cost ten looks, spoofed addresses do not help, and nobody else waits', async function () {
    this.timeout(60_000)
    const known = await from(api, '127.0.0.1', KNOWN)
    expect(known.status).to.equal(200)
    const flood = Promise.all(
      Array.from({ length: 10 }, (_, connection) =>
        pipeline(
          api,
          '127.0.0.66',
          Array.from({ length: 1000 }, (_, n) => {
            const address = `198.51.${connection}.${n % 250}`
            const spoof = `X-Forwarded-For: ${address}\r\nForwarded: for=${address}\r\nX-Real-IP: ${address}`
            return `Authorization: ${basic(USER, `guess-${connection}-${n}`)}\r\n${spoof}`
          })
        )
      )
    )
    const login = JSON.stringify({ username: USER, password: PASSWORD })
    const elsewhere = await from(api, '127.0.0.2', '', '/auth/login', login)
    const sameSource = await from(api, '127.0.0.66', KNOWN)
    const statuses = (await flood).flat()
    expect(statuses).to.have.length(10_000)
    expect(statuses.filter(status => status === 401)).to.have.length(10)
    expect(statuses.filter(status => status === 429)).to.have.length(9990)
    expect([elsewhere.status, sameSource.status]).to.deep.equal([200, 200])
    // A look takes about 50 ms; ten of them are not all of the thread pool.
    expect(elsewhere.ms, 'a login from elsewhere, in milliseconds').to.be.below(10_000)
    const after = await from(api, '127.0.0.2', '', '/auth/login', login)
    expect(after.status).to.equal(200)
    expect(after.ms, 'the same when the flood is over').to.be.below(1000)
    const limited = await from(api, '127.0.0.66', basic(USER, 'another'))
    expect(limited.status).to.equal(429)
    expect(Number(limited.retryAfter)).to.be.within(1, 60)
    expect(api.logged.filter(({ message }) => message === 'Limited source')).to.have.length(1)
    expect(told.filter(reason => reason === 'source')).to.have.length(9991)
  })

  it('S19: guesses from 200 addresses slow the account down, but not where the right password came from', async () => {
    await using many = await startApi({}, {}, { onRefused: reason => void told.push(reason) })
    await from(many, '127.0.0.1', KNOWN)
    const sources = Array.from({ length: 200 }, (_, n) => `127.0.1.${n + 1}`)
    const guesses = sources.map(source =>
      pipeline(
        many,
        source,
        Array.from({ length: 10 }, (_, n) => `Authorization: ${basic(USER, `${source}-${n}`)}`)
      )
    )
    const statuses = (await Promise.all(guesses)).flat()
    expect(statuses).to.have.length(2000)
    expect(new Set(statuses)).to.deep.equal(new Set([401, 429]))
    expect(told).to.include('account')
    expect((await from(many, '127.0.2.1', basic(USER, 'one more'))).status).to.equal(429)
    const login = JSON.stringify({ username: USER, password: PASSWORD })
    const good = await from(many, '127.0.0.1', '', '/auth/login', login)
    expect(good.status).to.equal(200)
    expect(good.ms).to.be.below(1000)
    expect(many.logged.filter(({ message }) => message === 'Slowed down guesses')).to.have.length(1)
  })
})
