import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect } from 'chai'
import { eventually } from '../helpers/eventually.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { PASSWORD } from '../helpers/gateway-client.ts'

/** Of these a file holds the secret on purpose, and only its owner reads it. */
const KEPT = new Set(['config.json', 'admin-password', 'secrets-key', 'instance-key'])

describe('credentials in all that the gateway says and keeps', function () {
  this.timeout(60_000)
  let gateway: TestGateway
  let folder: string
  /** Where it was put → the canary. */
  const canaries = new Map<string, string>()
  const answers: string[] = []

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'docker-faas-canary-'))
    const registry = `admin:${canary('password of a registry')}`
    const auths = { '127.0.0.1:9': { auth: Buffer.from(registry).toString('base64') } }
    canaries.set('auth of a registry', auths['127.0.0.1:9'].auth)
    await writeFile(join(folder, 'config.json'), JSON.stringify({ auths }))
    gateway = await TestGateway.start({
      STATE_DB_PATH: join(folder, 'faas.db'),
      REGISTRY_AUTH_FILE: join(folder, 'config.json'),
      LOG_LEVEL: 'debug'
    })
  })
  after(async () => {
    await gateway.close()
    await rm(folder, { recursive: true })
  })

  function canary(where: string): string {
    const value = `canary${randomBytes(12).toString('hex')}`
    canaries.set(where, value)
    return value
  }

  const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  const ADMIN = basic('admin', PASSWORD)

  async function send(method: string, path: string, headers: Record<string, string>, body?: string): Promise<string> {
    const sent = body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }
    const answer = await new Promise<string>((resolve, reject) => {
      const options = { host: '127.0.0.1', port: gateway.port, method, path, agent: false as const }
      const req = request({ ...options, headers: { ...headers, ...sent } }, res => {
        text(res).then(body => resolve(`${res.statusCode} ${JSON.stringify(res.headers)} ${body}`), reject)
      })
      req.once('error', reject)
      req.end(body)
    })
    answers.push(answer)
    return answer
  }

  it('S28: puts a canary wherever credentials may come, and finds none in answers, logs, metrics, rows and files', async () => {
    const admin = { Authorization: ADMIN }
    const wrong = basic('admin', canary('wrong password'))
    canaries.set('wrong password, encoded', wrong.slice('Basic '.length))
    for (const method of ['GET', 'POST']) await send(method, '/v1/functions', { Authorization: wrong })
    await send('POST', '/function/none', { Authorization: wrong })
    for (const path of ['/v1/functions', '/function/none', '/system/functions']) {
      await send('POST', path, { Authorization: `Bearer ${canary(`token for ${path}`)}` })
      await send('POST', path, { Authorization: canary(`no scheme for ${path}`) })
    }
    const headers = {
      ...{ Cookie: `session=${canary('cookie')}`, 'X-Registry-Auth': canary('X-Registry-Auth') },
      'User-Agent': `bot (https://bot:${canary('user info in User-Agent')}@bot.example; token=${canary('token in User-Agent')})`,
      Referer: `https://admin:${canary('user info in Referer')}@faas.example/`,
      'Proxy-Authorization': `Basic ${canary('Proxy-Authorization')}`
    }
    await send('POST', '/v1/functions', { ...admin, ...headers }, '{}')
    await send('GET', '/v1/functions/none', { ...admin, ...headers })
    await send('GET', `/v1/functions/none?access_token=${canary('query')}`, admin)
    await send('GET', `/no/route?password=${canary('query of an unknown route')}`, admin)
    await send('DELETE', `/system/functions?functionName=x&token=${canary('query of a change')}`, admin)

    const deploy = (body: object) => send('POST', '/system/functions', admin, JSON.stringify(body))
    await deploy({ service: 'a', image: `https://u:${canary('user info of an image')}@registry.example/a` })
    await deploy({ service: 'a', image: 'x', registryAuth: canary('registryAuth'), unknown: 1 })
    await deploy({ service: 'a', image: 'x', registryAuth: [canary('registryAuth that is no text')] })
    await deploy({ service: 'A B', image: 'x', envVars: { 'BAD KEY': canary('environment of what is refused') } })
    await send('POST', '/v1/functions', admin, `{"spec":{"password":"${canary('no JSON')}"`)
    await send('POST', '/v1/functions', admin, JSON.stringify({ [canary('unknown field')]: canary('its value') }))

    const secret = (method: string, path: string, body: object) => send(method, path, admin, JSON.stringify(body))
    await secret('POST', '/system/secrets', { name: 'kept', value: canary('secret') })
    await secret('PUT', '/v1/secrets/kept', { value: canary('changed secret') })
    await secret('PUT', '/v1/secrets/kept', { value: 7, rawValue: canary('secret that is refused') })
    await secret('POST', '/system/secrets', { name: 'A B', value: canary('secret with a wrong name') })
    await send('GET', '/v1/secrets/kept', admin)
    await send('POST', '/v1/secret-keys/rotate', admin)

    await send('POST', '/auth/login', {}, JSON.stringify({ username: 'admin', password: canary('login') }))
    await send('POST', '/auth/login', {}, JSON.stringify({ username: canary('user name'), password: 'x' }))
    const session = await send('POST', '/auth/login', {}, JSON.stringify({ username: 'admin', password: PASSWORD }))
    const created = await send('POST', '/v1/tokens', admin, JSON.stringify({ name: 'ci', scopes: ['read'] }))
    for (const [where, answer] of Object.entries({ session, created })) {
      const [, token] = /"token":"([^"]{20,})"/.exec(answer) ?? []
      expect(token, `${where} is told once`).to.be.a('string')
      await send('GET', '/v1/functions', { Authorization: `Bearer ${token}` })
      canaries.set(`token of ${where}`, token ?? '')
      answers.splice(answers.indexOf(answer), 1)
    }
    for (const path of ['/v1/tokens', '/system/config', '/openapi.json']) await send('GET', path, admin)

    // A pull with the credentials of the file, which fails.
    await deploy({ service: 'pulled', image: '127.0.0.1:9/pulled:1' })
    await eventually(async () =>
      expect(await send('GET', '/v1/functions/pulled/status', admin)).to.include('"Degraded"')
    )
    await eventually(async () => expect(await send('GET', '/v1/events', admin)).to.include('pulled'))

    for (const path of ['/v1/audit?limit=1000', '/v1/functions', '/v1/plan', '/v1/reconcile', '/system/metrics']) {
      await send('GET', path, admin)
    }
    expect(answers.at(-5), 'the audit log').to.include('"status":401').and.to.include('"token"')
    const said = new Map([...answers.entries()].map(([n, answer]) => [`answer ${n}`, answer]))
    said.set('log', gateway.log.join('\n'))
    said.set('metrics', await gateway.metrics())
    await gateway.stop()
    for (const name of (await readdir(folder)).filter(name => !KEPT.has(name))) {
      said.set(name, await readFile(join(folder, name), 'latin1'))
    }
    expect(said.get('log')).to.include('"msg":"Audited"')
    expect(said.get('faas.db')).to.include('pulled')
    // An answer may repeat the name of a field that its sender made up, and nobody else gets it.
    const leaks = [...said].flatMap(([where, what]) =>
      [...canaries].filter(([, value]) => what.includes(value)).map(([from]) => `${from} in ${where}`)
    )
    expect(leaks.filter(leak => !leak.startsWith('unknown field in answer'))).to.deep.equal([])
    expect(canaries.size).to.be.above(25)
  })
})
