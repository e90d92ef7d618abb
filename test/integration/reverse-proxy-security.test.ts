import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { get as httpGet } from 'node:http'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { expect } from 'chai'
import type { AuditEntry } from '../../api/audit.ts'
import { makeCertificate } from '../helpers/certificates.ts'
import { eventually } from '../helpers/eventually.ts'
import { freePort } from '../helpers/free-port.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { PASSWORD } from '../helpers/gateway-client.ts'
import { testkitImage } from '../helpers/images.ts'
import { frame, OPCODE } from '../helpers/websocket.ts'

/** An address of this machine that is not the proxy's. */
const CLIENT = '127.0.0.7'

describe('docs/nginx.conf', function () {
  this.timeout(60_000)
  let folder: string
  let gateway: TestGateway
  let nginx: ChildProcess | undefined
  let ports: { tls: number; plain: number }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'docker-faas-nginx-'))
    gateway = await TestGateway.start({ TRUST_PROXY: '127.0.0.1' })
    ports = { tls: await freePort(), plain: await freePort() }
    nginx = await startNginx()
    await gateway.apply('proxied', { image: await testkitImage() })
    await gateway.converged('proxied')
  })
  after(async () => {
    if (nginx !== undefined) {
      const ended = new Promise(resolve => nginx?.once('exit', resolve))
      nginx.kill('SIGTERM')
      await ended
    }
    await gateway.close()
    await rm(folder, { recursive: true })
  })

  /** The configuration as it is in docs, but for ports and certificate, in a server that needs no root. */
  async function startNginx(): Promise<ChildProcess> {
    const { certFile, keyFile } = makeCertificate(folder, 'faas.example.com')
    const site = (await readFile(new URL('../../docs/nginx.conf', import.meta.url), 'utf8'))
      .replace('server 127.0.0.1:8080;', `server 127.0.0.1:${gateway.port};`)
      .replace('listen 443 ssl;', `listen 127.0.0.1:${ports.tls} ssl;`)
      .replace('listen 80;', `listen 127.0.0.1:${ports.plain};`)
      .replace(/ssl_certificate .*;/, `ssl_certificate ${certFile};`)
      .replace(/ssl_certificate_key .*;/, `ssl_certificate_key ${keyFile};`)
    await writeFile(join(folder, 'site.conf'), site)
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      name => `${name}_temp_path ${folder}/${name};`
    )
    const http = `http { access_log off; ${temporary.join(' ')} include ${folder}/site.conf; }`
    await writeFile(join(folder, 'main.conf'), `daemon off; pid ${folder}/pid; error_log stderr; events {} ${http}`)
    const child = spawn('nginx', ['-e', 'stderr', '-c', join(folder, 'main.conf')], {
      env: { PATH: `${process.env['PATH']}:/usr/sbin` },
      stdio: ['ignore', 'ignore', 'pipe']
    })
    let errors = ''
    child.stderr.setEncoding('utf8').on('data', part => (errors += part))
    const failed = new Promise<never>((_, reject) => {
      child.once('error', reject)
      child.once('exit', code => reject(new Error(`nginx ended with ${code}: ${errors}`)))
    })
    await Promise.race([failed, eventually(async () => void (await call('GET', '/livez')))])
    failed.catch(() => undefined)
    return child
  }

  /** A request from an address of its own, as it comes to nginx. */
  function open(method: string, path: string, headers: Record<string, string> = {}, onResponse?: RequestOptions) {
    const auth = `admin:${PASSWORD}`
    const options = { method, path, headers, auth, localAddress: CLIENT, rejectUnauthorized: false, agent: false }
    return httpsRequest({ host: '127.0.0.1', port: ports.tls, ...options, ...onResponse })
  }

  function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    return new Promise<{ status: number; text: string; headers: Record<string, unknown> }>((resolve, reject) => {
      const sent = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body)
      const length = sent === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(sent)) }
      const req = open(method, path, { ...headers, ...length })
      req.once('response', res => {
        text(res).then(text => resolve({ status: res.statusCode ?? 0, text, headers: res.headers }), reject)
      })
      req.once('error', reject)
      req.end(sent)
    })
  }

  it('S20: the audit log has the address of the client, whatever the client says of it', async () => {
    const spoofed = { 'X-Forwarded-For': '203.0.113.9', Forwarded: 'for=203.0.113.9', 'X-Real-IP': '203.0.113.9' }
    const image = await testkitImage()
    const put = await call('PUT', '/system/functions', { service: 'by-proxy', image, labels: null }, spoofed)
    expect(put.status, 'as faas-cli deploys').to.equal(404)
    expect((await call('POST', '/system/functions', { service: 'by-proxy', image }, spoofed)).status).to.equal(202)
    expect((await call('POST', '/system/scale-function/by-proxy', { replicas: 0 })).status).to.equal(202)
    expect((await call('DELETE', '/system/functions', { functionName: 'by-proxy' })).status).to.equal(202)
    const { items } = JSON.parse((await call('GET', '/v1/audit?name=by-proxy')).text) as { items: AuditEntry[] }
    expect(items.map(({ status, address }) => [status, address])).to.deep.equal([
      [202, CLIENT],
      [202, CLIENT],
      [202, CLIENT],
      [404, CLIENT]
    ])
    for (const { requestId } of items) expect(requestId, 'that of nginx').to.match(/^[0-9a-f]{32}$/)
    const direct = JSON.parse((await gateway.call('GET', '/v1/audit?name=proxied')).text) as { items: AuditEntry[] }
    expect(direct.items[0]?.address, 'who does not come by the proxy').to.equal('127.0.0.1')
  })

  it('S20: a function gets the path as it was sent, the client, the name and https', async () => {
    const path = '/function/proxied/a%2Fb//c%20d?x=%26&y'
    const { status, text } = await call('POST', path, 'body', {
      Host: 'faas.example.com',
      'X-Forwarded-For': '203.0.113.9'
    })
    expect(status).to.equal(200)
    const seen = JSON.parse(text)
    expect(seen.url).to.equal('/a%2Fb//c%20d?x=%26&y')
    expect(seen.body).to.equal('body')
    expect(seen.headers).to.include({ 'x-forwarded-proto': 'https', 'x-forwarded-host': 'faas.example.com' })
    expect(seen.headers['x-forwarded-for']).to.match(new RegExp(`^${CLIENT.replaceAll('.', '\\.')}\\b`))
    expect(seen.headers).not.to.have.property('authorization')
  })

  it('S20: answers stream: a part is there before the next is made', async () => {
    // The next one would be made in half a minute: nobody waits for it.
    const req = open('GET', '/function/proxied/stream?chunks=2&intervalMs=30000')
    const part = await new Promise<string>((resolve, reject) => {
      req.once('error', reject)
      req.once('response', res => res.setEncoding('utf8').once('data', resolve).once('error', reject))
      req.end()
    })
    req.destroy()
    expect(part).to.equal('data: 0\n\n')
  })

  it('S20: bodies stream: the function has the call before its body has ended', async () => {
    const started = async () => {
      const metrics = await gateway.metrics()
      return Number(
        /^gateway_function_invocation_started\{function_name="proxied.openfaas-fn"\} (\d+)$/m.exec(metrics)?.[1] ?? 0
      )
    }
    const before = await started()
    const req = open('POST', '/function/proxied', { 'Transfer-Encoding': 'chunked' })
    const answer = new Promise<string>((resolve, reject) => {
      req.once('error', reject)
      req.once('response', res => text(res).then(resolve, reject))
    })
    req.write('first ')
    await eventually(async () => expect(await started()).to.equal(before + 1))
    req.end('second')
    expect(JSON.parse(await answer).body).to.equal('first second')
  })

  it('S20, X16: a WebSocket is passed on, and an offer of h2c is not', async () => {
    const asked = {
      Connection: 'Upgrade',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ=='
    }
    const req = open('GET', '/function/proxied/chat', { ...asked, Upgrade: 'websocket' })
    const socket = await new Promise<Duplex>((resolve, reject) => {
      req.once('error', reject)
      req.once('response', res => reject(new Error(`answered ${res.statusCode}`)))
      req.once('upgrade', (_res, upgraded, head) => {
        upgraded.unshift(head)
        resolve(upgraded)
      })
      req.end()
    })
    let said = ''
    socket.on('data', bytes => {
      said += bytes.toString('latin1')
    })
    socket.write(frame(OPCODE.text, 'over two proxies', true))
    await eventually(() => expect(said).to.include('over two proxies'))
    socket.write(frame(OPCODE.close, Buffer.from([3, 232]), true))
    await new Promise(resolve => socket.once('end', resolve))
    socket.destroy()
    expect(
      (await call('GET', '/function/proxied', undefined, { Connection: 'Upgrade', Upgrade: 'h2c' })).status
    ).to.equal(200)
  })

  it('S20: bodies and headers are held to the limits of the gateway, not to those of nginx', async () => {
    const large = 'x'.repeat(5 * 1024 * 1024)
    expect((await call('POST', '/function/proxied?bytes=1', large)).status).to.equal(200)
    expect((await call('POST', '/v1/functions', large)).status).to.equal(413)
    expect(
      (await call('GET', '/system/info', undefined, { 'X-Long': 'x'.repeat(20_000), under_score: '1' })).status
    ).to.equal(200)
  })

  it('S43: metrics are not passed on, and plain HTTP is sent to TLS', async () => {
    expect((await call('GET', '/system/metrics')).status).to.equal(404)
    expect((await call('GET', '/metrics')).status).to.equal(404)
    const moved = await new Promise<[number | undefined, string | undefined]>((resolve, reject) => {
      httpGet(`http://127.0.0.1:${ports.plain}/v1/functions?a=b`, { agent: false }, res => {
        res.resume()
        resolve([res.statusCode, res.headers.location])
      }).once('error', reject)
    })
    expect(moved).to.deep.equal([308, 'https://127.0.0.1/v1/functions?a=b'])
  })

  it('S20: an error of a function, and one of the gateway, come as they are', async () => {
    expect((await call('GET', '/function/proxied?status=502')).status).to.equal(502)
    const none = await call('GET', '/function/none')
    expect([none.status, none.headers['x-docker-faas-reason']]).to.deep.equal([404, 'FunctionNotFound'])
  })
})
