import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { expect } from 'chai'
import { type ApiServer, PASSWORD, startApi } from '../helpers/api-server.ts'
import { anEnvironment, runCli, startCli } from '../helpers/cli.ts'
import { eventually } from '../helpers/eventually.ts'

type Function = (req: IncomingMessage, res: ServerResponse) => void

describe('docker-faas invoke', () => {
  let api: ApiServer
  let env: Record<string, string>
  let directory: string
  /** What the function does; what passes through the data plane names the gateway. */
  let fn: Function
  let seen: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[]
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'faas-cli-'))
    api = await startApi(
      {},
      {
        proxy: {
          handle: (req, res) => {
            res.setHeader('X-Served-By', 'gateway')
            fn(req, res)
          }
        }
      }
    )
    env = { DOCKER_FAAS_GATEWAY: api.url, AUTH_PASSWORD: PASSWORD }
  })
  beforeEach(() => {
    seen = []
    fn = echo
  })
  after(async () => {
    await api[Symbol.asyncDispose]()
    await rm(directory, { recursive: true })
  })

  const echo: Function = async (req, res) => {
    const body = await text(req)
    seen.push({ method: req.method ?? '', url: req.url ?? '', headers: req.headers, body })
    res.end(body)
  }
  const invoke = (args: string[], given: Parameters<typeof anEnvironment>[0] = {}) =>
    runCli(['invoke', ...args], { env, ...given })

  it('sends the standard input, and prints what the function answers as it is', async () => {
    const run = await invoke(['hello'], { stdin: 'hi \u001b[2J\u0000' })
    expect(run).to.deep.equal({ code: 0, stdout: 'hi \u001b[2J\u0000', stderr: '' })
    expect(seen[0]).to.deep.include({ method: 'POST', url: '/function/hello.openfaas-fn', body: 'hi \u001b[2J\u0000' })
    expect(seen[0]?.headers['content-type']).to.equal('text/plain')
  })

  it('shows a terminal nothing that commands it, unless it is told to', async () => {
    const input = { isTTY: true, stdin: 'a\tb\nc \u001b[2J\u202e\u009b31m é' }
    expect((await invoke(['hello'], input)).stdout).to.equal('a\tb\nc \\x1b[2J\\u202e\\x9b31m é\n')
    expect((await invoke(['hello'], { isTTY: true, stdin: 'a line\n' })).stdout).to.equal('a line\n')
    expect((await invoke(['hello', '--raw'], input)).stdout).to.equal(input.stdin)
  })

  it('sends text, a file or nothing, with the method, headers, path and query that are named', async () => {
    const file = join(directory, 'input.json')
    const large = 'large'.repeat(100_000)
    await writeFile(file, '{"a":1}')
    await invoke([
      'hello.team-a',
      '-d',
      'text',
      '-X',
      'put',
      '-H',
      'X-A: 1',
      '-H',
      'X-B=2',
      '--query',
      'q=1',
      '--path',
      '/p'
    ])
    await invoke(['hello', '-d', `@${file}`, '--content-type', 'application/json'])
    await invoke(['hello', '--method', 'GET'], { stdin: 'not read' })
    await invoke(['hello', '-d', '-', '-X', 'GET'], { stdin: 'read' })
    await invoke(['hello', '-X', 'DELETE'], { stdin: large })
    expect(seen.map(({ method, url, body }) => [method, url, body])).to.deep.equal([
      ['PUT', '/function/hello.team-a/p?q=1', 'text'],
      ['POST', '/function/hello.openfaas-fn', '{"a":1}'],
      ['GET', '/function/hello.openfaas-fn', ''],
      ['GET', '/function/hello.openfaas-fn', 'read'],
      ['DELETE', '/function/hello.openfaas-fn', large]
    ])
    expect(seen[0]?.headers).to.include({ 'x-a': '1', 'x-b': '2' })
    expect(seen[1]?.headers['content-type']).to.equal('application/json')
    expect(await invoke(['hello', '-d', '@/nowhere'])).to.include({ code: 2 })
  })

  it('sends a short input with its length, as simple servers read no other', async () => {
    fn = (req, res) => void res.end(JSON.stringify(req.headers))
    const { stdout } = await invoke(['hello'], { stdin: 'Bob' })
    const headers = JSON.parse(stdout)
    expect([headers['content-length'], headers['transfer-encoding']]).to.deep.equal(['3', undefined])
  })

  it('prints pieces of the answer as they come, and sends the input as it comes', async () => {
    fn = (req, res) => void req.pipe(res)
    const more = Promise.withResolvers<void>()
    const environment = anEnvironment({ env })
    const stdin = Readable.from(
      (async function* () {
        yield Buffer.from('one')
        await more.promise
        yield Buffer.from(' two')
      })()
    )
    const { done, stdout } = startCli(['invoke', 'hello'], { ...environment, stdin })
    await eventually(() => expect(stdout()).to.equal('one'))
    more.resolve()
    expect(await done).to.include({ code: 0, stdout: 'one two' })
  })

  it('ends though its input goes on, when the function has answered', async () => {
    fn = (_req, res) => void res.end('enough')
    let left = false
    const stdin = Readable.from(
      (async function* () {
        try {
          for (;;) {
            yield Buffer.alloc(1024)
            await new Promise(resolve => setTimeout(resolve, 1))
          }
        } finally {
          left = true
        }
      })()
    )
    const { done } = startCli(['invoke', 'hello'], { ...anEnvironment({ env }), stdin })
    expect(await done).to.include({ code: 0, stdout: 'enough' })
    await eventually(() => expect(left).to.equal(true))
  })

  for (const [status, code] of [
    [204, 0],
    [302, 13],
    [418, 14],
    [500, 15]
  ] as const) {
    it(`ends with ${code} when the function answers ${status}`, async () => {
      fn = (_req, res) => void res.writeHead(status).end(status === 204 ? undefined : 'why')
      const run = await invoke(['hello'])
      expect([run.code, run.stdout]).to.deep.equal([code, status === 204 ? '' : 'why'])
      expect(run.stderr).to.match(code === 0 ? /^$/ : new RegExp(`the function answered ${status} `))
    })
  }

  it('tells apart what the gateway answers itself', async () => {
    const own = (status: number, words: string): Function => {
      return (_req, res) =>
        void res.writeHead(status, { 'X-OpenFaaS-Internal': 'proxy', 'X-Docker-Faas-Reason': 'Why' }).end(words)
    }
    fn = own(404, 'no such function')
    expect(await invoke(['hello'])).to.deep.equal({
      ...{ code: 3, stdout: '' },
      stderr: 'docker-faas: the gateway answered 404: no such function\n'
    })
    fn = own(504, 'too late')
    expect((await invoke(['hello'])).code).to.equal(6)
    fn = own(503, 'no replica')
    expect(await invoke(['hello'])).to.deep.equal({
      ...{ code: 1, stdout: '' },
      stderr: 'docker-faas: the gateway answered 503: no replica\nSee "docker-faas describe hello.openfaas-fn".\n'
    })
    const nobody = await invoke(['hello'], { env: { ...env, AUTH_PASSWORD: 'wrong' } })
    expect([nobody.code, nobody.stdout]).to.deep.equal([4, ''])
    expect(nobody.stderr).to.match(/401: calling a function needs credentials.*scope.*invoke/s)
  })

  it('says when the answer breaks off, and when it does not come in time', async () => {
    fn = (_req, res) => {
      res.writeHead(200, { 'Content-Length': '9' })
      res.write('half', () => setTimeout(() => res.destroy(), 20))
    }
    expect(await invoke(['hello'])).to.deep.include({ code: 1, stdout: 'half' })
    fn = () => undefined
    const late = await invoke(['hello', '--timeout', '100ms'])
    expect([late.code, late.stderr]).to.deep.equal([6, 'docker-faas: the call was not answered within 0.1 s\n'])
  })

  it('ends the call when it is interrupted', async () => {
    const called = Promise.withResolvers<void>()
    const left = Promise.withResolvers<void>()
    fn = (req, res) => {
      res.once('close', () => left.resolve())
      req.resume()
      called.resolve()
    }
    const main = join(import.meta.dirname, '../../src/main.ts')
    const child = spawn(process.execPath, [main, 'invoke', 'hello', '-d', 'x'], { env, stdio: 'ignore' })
    const ended = once(child, 'exit')
    await called.promise
    child.kill('SIGINT')
    await left.promise
    expect((await ended)[0]).to.equal(130)
  })

  it('prints request, status and headers with -v, and no credentials', async () => {
    fn = (_req, res) => void res.writeHead(200, { 'X-Said': 'a\u009bb' }).end('ok')
    const { stdout, stderr } = await invoke(['hello', '-v', '-H', 'Authorization: secret'])
    expect(stdout).to.equal('')
    expect(stderr).to.contain('> POST http').and.contain('> authorization: (not shown)').and.not.contain('secret')
    const known = await invoke(['hello', '-v'])
    expect(known.stdout).to.equal('ok')
    expect(known.stderr).to.contain('< 200 OK\n').and.contain('< X-Said: a\\x9bb\n')
    expect(known.stderr).to.not.contain('Basic')
  })
})
