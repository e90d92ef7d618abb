import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { parse } from 'yaml'
import { type ApiServer, PASSWORD, startApi } from '../helpers/api-server.ts'
import { makeCertificate } from '../helpers/certificates.ts'
import { runCli } from '../helpers/cli.ts'
import { COMPILE_CACHE, MAIN } from '../helpers/program.ts'

describe('docker-faas as a client: which gateway, and as whom', () => {
  let api: ApiServer
  let other: ApiServer
  let folder: string
  let file: string
  let env: Record<string, string>

  before(async () => {
    api = await startApi()
    other = await startApi()
  })
  after(async () => {
    await api[Symbol.asyncDispose]()
    await other[Symbol.asyncDispose]()
  })
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'faas-cli-'))
    file = join(folder, 'docker-faas', 'config.yaml')
    env = { XDG_CONFIG_HOME: folder, STATE_DB_PATH: join(folder, 'none', 'faas.db') }
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const cli = (args: string[], more: Record<string, string> = {}, stdin = '') =>
    runCli(args, { env: { ...env, ...more }, stdin })
  const logIn = (server: ApiServer, name: string) =>
    cli(['login', server.url, '--context', name, '--password-stdin'], {}, `${PASSWORD}\n`)
  const kept = () => parse(readFileSync(file, 'utf8'))
  /** Which of both gateways a command asks. */
  const asked = async (args: string[], more: Record<string, string> = {}) => {
    const counts = () => [api.observed.length, other.observed.length] as const
    const [before, otherBefore] = counts()
    const { code, stderr } = await cli(['token', 'list', ...args], more)
    const [after, otherAfter] = counts()
    const which = [...(after > before ? ['api'] : []), ...(otherAfter > otherBefore ? ['other'] : [])].join(',')
    return code === 0 ? which : `${which} ${code} ${stderr}`
  }

  it('login exchanges the password for a token of its own, in a file for the owner only; logout revokes it', async () => {
    const run = await logIn(api, 'prod')
    expect([run.code, run.stderr]).to.deep.equal([0, ''])
    expect(run.stdout).to.equal(`logged in to ${api.url}; context prod is the current one now\n`)
    expect(statSync(file).mode & 0o777).to.equal(0o600)
    expect(readFileSync(file, 'utf8')).not.to.contain(PASSWORD)
    const { token, tokenId, gateway } = kept().contexts.prod
    expect([gateway, kept().currentContext]).to.deep.equal([api.url, 'prod'])
    const authorization = `Bearer ${token}`
    expect((await api.request('GET', '/v1/functions', undefined, { authorization })).status).to.equal(200)
    expect((await cli(['token', 'list', '--json'])).stdout).to.contain(tokenId)

    const out = await cli(['logout'])
    expect([out.code, out.stdout, out.stderr]).to.deep.equal([0, 'logged out of context prod\n', ''])
    expect((await api.request('GET', '/v1/functions', undefined, { authorization })).status).to.equal(401)
    expect(kept().contexts.prod).to.deep.equal({ gateway: api.url })
    const denied = await cli(['token', 'list'])
    expect(denied.code).to.equal(4)
    expect(denied.stderr).to.contain('run "docker-faas login --context prod", or set DOCKER_FAAS_TOKEN')
  })

  it('says where options stand when they stand before the command', async () => {
    const { code, stderr } = await cli(['--context', 'prod', 'get', 'functions'])
    expect([code, stderr]).to.deep.equal([
      2,
      "error: unknown option '--context'\nAdd --help to see what there is.\nOptions stand behind the command: docker-faas get functions --context prod.\n"
    ])
    expect((await cli(['get', 'functions', '--contxt', 'prod'])).stderr).to.not.contain('Options stand')
  })

  it('login keeps nothing of a password or a token that is not good', async () => {
    const wrong = await cli(['login', api.url, '--password-stdin'], {}, 'guess')
    expect([wrong.code, wrong.stdout]).to.deep.equal([4, ''])
    expect(wrong.stderr).to.contain('the user or the password is not good there; nothing was kept')
    const token = await cli(['login', api.url, '--token-stdin'], {}, 'dfaas_no')
    expect(token.code).to.equal(4)
    expect((await cli(['config', 'get-contexts'])).stderr).to.contain('there are no contexts')
    const typed = await cli(['login', api.url])
    expect([typed.code, typed.stderr]).to.deep.equal([
      2,
      'docker-faas: there is no terminal to ask at: use --password-stdin or --token-stdin\n'
    ])
  })

  it('login keeps a token that it is given, and logout does not revoke that one', async () => {
    const { token } = (await api.request('POST', '/v1/tokens', { name: 'given', scopes: ['read'] })).json
    await cli(['login', api.url, '--token-stdin'], {}, `${token}\n`)
    expect(kept().contexts[`127.0.0.1:${api.port}`]).to.deep.equal({ gateway: api.url, token })
    await cli(['logout'])
    const authorization = `Bearer ${token}`
    expect((await api.request('GET', '/v1/functions', undefined, { authorization })).status).to.equal(200)
  })

  it('login asks at a terminal, which does not show the password', async () => {
    const login = `${process.execPath} ${MAIN} login ${api.url} --context typed`
    const child = spawn('script', ['-qec', login, '/dev/null'], {
      env: { PATH: process.env['PATH'] ?? '', ...COMPILE_CACHE, ...env },
      stdio: ['pipe', 'pipe', 'inherit']
    })
    let shown = ''
    child.stdout.setEncoding('utf8').on('data', text => {
      if (shown === '') child.stdin.write(`x\x7f${PASSWORD}\r`)
      shown += text
    })
    expect(await once(child, 'close')).to.deep.equal([0, null])
    expect(shown.replaceAll('\r', '')).to.equal(
      `Password of admin at ${api.url}: \nlogged in to ${api.url}; context typed is the current one now\n`
    )
    expect(kept().contexts.typed).to.have.property('token')
  })

  it('login needs no credentials where the gateway asks for none', async () => {
    await using open = await startApi({}, {}, { enabled: false })
    const run = await cli(['login', open.url, '--context', 'open'])
    expect([run.code, run.stderr]).to.deep.equal([0, ''])
    expect(kept().contexts.open).to.deep.equal({ gateway: open.url })
    expect((await cli(['schedules'])).code).to.equal(0)
  })

  it('a flag goes before the environment, that before the current context', async () => {
    await logIn(other, 'other')
    await logIn(api, 'api')
    expect(await asked([])).to.equal('api')
    expect(await asked([], { OPENFAAS_URL: other.url })).to.equal('other')
    expect(await asked([], { OPENFAAS_URL: other.url, DOCKER_FAAS_GATEWAY: api.url })).to.equal('api')
    expect(await asked([], { DOCKER_FAAS_GATEWAY: api.url, DOCKER_FAAS_CONTEXT: 'other' })).to.equal('other')
    expect(await asked(['--context', 'api'], { DOCKER_FAAS_CONTEXT: 'other' })).to.equal('api')
    expect(await asked(['--gateway', `${other.url}/`], { DOCKER_FAAS_CONTEXT: 'api' })).to.equal('other')
    await cli(['config', 'use-context', 'other'])
    expect(await asked([])).to.equal('other')
    await cli(['config', 'delete-context', 'other'])
    expect(await asked([])).to.match(/^ \d/)
  })

  it('-n goes before DOCKER_FAAS_NAMESPACE, that before the namespace of the context', async () => {
    await logIn(api, 'api')
    await cli(['config', 'set-context', 'api', '-n', 'of-context'])
    const missing = async (args: string[], more: Record<string, string> = {}) =>
      (await cli(['get', 'function', 'x', ...args], more)).stderr.replace(/^.* function | not found\n$/g, '')
    expect(await missing([])).to.equal('of-context/x')
    expect(await missing([], { DOCKER_FAAS_NAMESPACE: 'of-env' })).to.equal('of-env/x')
    expect(await missing(['-n', 'of-option'], { DOCKER_FAAS_NAMESPACE: 'of-env' })).to.equal('of-option/x')
    expect(await missing([], { DOCKER_FAAS_GATEWAY: api.url })).to.equal('of-context/x')
    await cli(['config', 'set-context', 'api', '-n', ''])
    expect(await missing([])).to.equal('openfaas-fn/x')
  })

  it('takes a token out of the environment or a file, and needs nothing of the configuration of a gateway', async () => {
    const { token } = (await api.request('POST', '/v1/tokens', { name: 'env', scopes: ['admin'] })).json
    writeFileSync(join(folder, 'token'), `${token}\n`)
    const more = { DOCKER_FAAS_GATEWAY: api.url, GATEWAY_PORT: 'this is no port' }
    expect(await asked([], { ...more, DOCKER_FAAS_TOKEN: token })).to.equal('api')
    expect(await asked([], { ...more, DOCKER_FAAS_TOKEN_FILE: join(folder, 'token') })).to.equal('api')
    expect(await asked(['--token-file', join(folder, 'token')], { ...more, DOCKER_FAAS_TOKEN: 'no' })).to.equal('api')
  })

  it('says of a token that none can be sent with, and not that no gateway answers', async () => {
    const more = { DOCKER_FAAS_GATEWAY: api.url, DOCKER_FAAS_TOKEN: 'a\nb' }
    expect(await cli(['token', 'list'], more)).to.include({
      code: 2,
      stderr: 'docker-faas: DOCKER_FAAS_TOKEN holds no token\n'
    })
    const own = join(folder, 'own.yaml')
    writeFileSync(own, `{currentContext: a, contexts: {a: {gateway: "${api.url}", token: "a b"}}}`, { mode: 0o600 })
    expect(await cli(['token', 'list'], { DOCKER_FAAS_CONFIG: own })).to.include({
      code: 2,
      stderr: 'docker-faas: context a holds no token\n'
    })
  })

  it("sends the password of this machine's gateway to no other machine by itself", async () => {
    const run = await cli(['token', 'list', '--gateway', 'http://192.0.2.1:8080'])
    expect(run.code).to.equal(4)
    expect(run.stderr).to.contain('there are no credentials for http://192.0.2.1:8080 (--gateway)')
  })

  it('config shows contexts without their tokens, and changes them', async () => {
    await logIn(api, 'prod')
    await cli(['config', 'set-context', 'prod', '-n', 'team-a'])
    const { token } = kept().contexts.prod
    const made = await cli([
      'config',
      'set-context',
      'test',
      '--gateway',
      'https://faas.example.com/',
      '--token-file',
      't'
    ])
    expect(made.stdout).to.equal('context test created\n')
    expect(kept().contexts.test.tokenFile).to.equal(join(process.cwd(), 't'))
    expect((await cli(['config', 'get-contexts'])).stdout).to.equal(
      [
        `CURRENT   NAME   GATEWAY                    NAMESPACE   CREDENTIALS`,
        `*         prod   ${api.url.padEnd(24)}   team-a      token`,
        `          test   https://faas.example.com   -           token file`,
        ''
      ].join('\n')
    )
    const shown = (await cli(['config', 'view'])).stdout
    expect(shown).to.contain('token: REDACTED').and.not.contain(token)
    expect((await cli(['config', 'current-context'])).stdout).to.equal('prod\n')
    const moved = await cli(['config', 'set-context', 'prod', '--gateway', other.url])
    expect([moved.code, kept().contexts.prod]).to.deep.equal([0, { gateway: other.url, namespace: 'team-a' }])
    const unknown = await cli(['config', 'use-context', 'nope'])
    expect([unknown.code, unknown.stderr]).to.deep.equal([
      2,
      'docker-faas: there is no context nope; there are prod, test\n'
    ])
  })

  it('tells of a file that cannot be read without what is in it, and of one that others may read', async () => {
    await logIn(api, 'prod')
    writeFileSync(file, `contexts: {a: {token: dfaas_SECRET`)
    const broken = await cli(['token', 'list'])
    expect([broken.code, broken.stderr]).to.deep.equal([2, `docker-faas: ${file}: line 1 is no YAML\n`])
    writeFileSync(file, `contexts: {a: {gateway: "${api.url}", token: x}}`)
    chmodSync(file, 0o644)
    expect((await cli(['config', 'get-contexts'])).stderr).to.equal(
      `${file} is open to other users: chmod 600 ${file}\n`
    )
  })

  it('refuses what is no gateway: with 2 when that is seen before, with 5 when nobody answers as one', async () => {
    for (const [url, problem] of [
      ['ftp://x', 'must be a URL such as'],
      ['https://a:secret@b', 'must hold no credentials'],
      ['https://a:secret@b c', 'not "https://…@b c"'],
      ['http://b?x=1', 'neither a query nor a fragment']
    ] as const) {
      const run = await cli(['token', 'list', '--gateway', url])
      expect([run.code, run.stderr]).to.satisfy(
        ([code, text]: [number, string]) => code === 2 && text.includes(problem)
      )
      expect(run.stderr).not.to.contain('a:secret')
    }
    const nobody = await cli(['token', 'list', '--gateway', 'http://127.0.0.1:9'], { DOCKER_FAAS_TOKEN: 'x' })
    expect(nobody.code).to.equal(5)
    expect(nobody.stderr).to.contain('no gateway answers at http://127.0.0.1:9: does it run, and is --gateway right?')
  })

  it('says of a certificate what is wrong with it, and trusts those of --ca-file', async () => {
    const { certFile, keyFile } = makeCertificate(folder, 'faas.test')
    const known = { cert: readFileSync(certFile), key: readFileSync(keyFile) }
    const server = createTlsServer(known, (_req, res) => res.end('{"items":[]}'))
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    try {
      const { port } = server.address() as AddressInfo
      const more = { DOCKER_FAAS_GATEWAY: `https://127.0.0.1:${port}`, DOCKER_FAAS_TOKEN: 'x' }
      const unknown = await cli(['token', 'list'], more)
      expect(unknown.code).to.equal(5)
      expect(unknown.stderr).to.contain('is signed by nobody that is known here').and.contain('--ca-file')
      const trusted = await cli(['token', 'list', '--ca-file', certFile], more)
      expect([trusted.code, trusted.stderr]).to.deep.equal([0, 'there are no tokens\n'])
      const plain = await cli(['token', 'list'], { ...more, DOCKER_FAAS_GATEWAY: `https://127.0.0.1:${api.port}` })
      expect(plain.stderr).to.contain('does not speak TLS: is it http://?')
    } finally {
      server.close()
      server.closeAllConnections()
    }
  })
})
