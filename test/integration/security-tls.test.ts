import { spawn } from 'node:child_process'
import { copyFile, mkdtemp, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { Agent, get } from 'node:https'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import tls from 'node:tls'
import { expect } from 'chai'
import { assembleCertificate, type ServedCertificate } from '../../src/assembly/certificate.ts'
import { loadConfig } from '../../src/config/load.ts'
import { createLogger } from '../../src/logging/logger.ts'
import { createMetrics } from '../../src/metrics/metrics.ts'
import { makeCertificate } from '../helpers/certificates.ts'
import { eventually } from '../helpers/eventually.ts'
import { COMPILE_CACHE, MAIN } from '../helpers/program.ts'
import { ServeProcess } from '../helpers/serve-process.ts'

/** Whatever is connected, a stop takes no longer. */
const STOP_MS = 8000

describe('TLS of the gateway', function () {
  this.timeout(30_000)
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'docker-faas-tls-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  describe('as a process', () => {
    let gateway: ServeProcess
    let port: number
    beforeEach(async () => {
      const { certFile, keyFile } = makeCertificate(folder, 'first')
      gateway = new ServeProcess({
        STATE_DB_PATH: join(folder, 'test.db'),
        INSTANCE_ID: `tls-${process.pid}`,
        TLS_CERT_FILE: certFile,
        TLS_KEY_FILE: keyFile
      })
      port = await gateway.listening()
    })
    afterEach(() => gateway.kill())

    /** The answer, its certificate's name and the connection's protocol. */
    async function ask(path: string, options: tls.ConnectionOptions & { agent?: Agent } = {}) {
      return new Promise<{ status: number | undefined; connection: string | undefined; cn: string; protocol: string }>(
        (resolve, reject) => {
          const url = `https://127.0.0.1:${port}${path}`
          const req = get(url, { rejectUnauthorized: false, ...options }, res => {
            const socket = res.socket as tls.TLSSocket
            const cn = String(socket.getPeerCertificate().subject.CN)
            const { connection } = res.headers
            const answer = { status: res.statusCode, connection, cn, protocol: String(socket.getProtocol()) }
            text(res).then(() => resolve(answer), reject)
          })
          req.on('error', reject)
        }
      )
    }

    it('S42: speaks TLS 1.2 and 1.3 and nothing older, and HTTP/1.1 in it', async () => {
      const agent = false as unknown as Agent
      for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
        const answer = await ask('/system/info', { agent, minVersion: version, maxVersion: version })
        expect([answer.status, answer.cn, answer.protocol]).to.deep.equal([200, 'first', version])
      }
      for (const version of ['TLSv1', 'TLSv1.1'] as const) {
        const old = { agent, minVersion: version, maxVersion: version, ciphers: 'DEFAULT:@SECLEVEL=0' }
        const err = await ask('/system/info', old).then(
          () => undefined,
          err => err
        )
        expect(err?.message, version).to.include('alert protocol version')
      }
      const socket = tls.connect({
        host: '127.0.0.1',
        port,
        rejectUnauthorized: false,
        ALPNProtocols: ['h2', 'http/1.1']
      })
      await new Promise(resolve => socket.once('secureConnect', resolve))
      expect(socket.alpnProtocol).to.equal('http/1.1')
      socket.destroy()
    })

    it('S42: tells who speaks plain HTTP that the port speaks TLS', async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/system/info`)
      expect([answer.status, await answer.text()]).to.deep.equal([400, 'this port speaks TLS: use https://\n'])
      const socket = net.connect(port, '127.0.0.1')
      socket.end('\u0000\u0001 neither of the two\r\n\r\n')
      expect(await text(socket), 'an alert or nothing').to.have.length.below(16)
      expect((await ask('/livez')).status).to.equal(200)
    })

    it('S42: takes a renewed certificate without a restart, and kept connections go on', async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1, maxCachedSessions: 0 })
      expect((await ask('/livez', { agent })).cn).to.equal('first')
      const renewed = makeCertificate(folder, 'second')
      await rename(renewed.keyFile, join(folder, 'first.key'))
      await rename(renewed.certFile, join(folder, 'first.crt'))
      await eventually(async () => expect((await ask('/livez', { agent: new Agent() })).cn).to.equal('second'), {
        timeoutMs: 10_000
      })
      expect((await ask('/livez', { agent })).cn, 'over the kept connection').to.equal('first')
      agent.destroy()
      const expires = Date.parse(String(gateway.logged('Changed certificate')?.['expires'])) / 1000
      expect(await gateway.metrics()).to.include(`docker_faas_tls_certificate_expiry_timestamp_seconds ${expires}\n`)
    })

    it('S42: a stop serves what comes over kept connections, and waits for no handshake that never ends', async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      expect((await ask('/livez', { agent })).connection).to.equal('keep-alive')
      const mute = net.connect(port, '127.0.0.1')
      await new Promise(resolve => mute.once('connect', resolve))
      mute.on('error', () => undefined)
      const asked = performance.now()
      gateway.signal('SIGTERM')
      await eventually(() => expect(gateway.logged('Stopping')).not.to.equal(undefined), { intervalMs: 1 })
      // The worker that has the connection hears of the stop a moment later.
      for (let connection: string | undefined; connection !== 'close'; ) {
        const answer = await ask('/livez', { agent })
        expect(answer.status).to.equal(200)
        connection = answer.connection
      }
      expect(await gateway.exited).to.deep.equal({ code: 0, signal: null })
      expect(performance.now() - asked).to.be.below(STOP_MS)
      expect(gateway.errors).to.equal('')
      agent.destroy()
    })

    it('S42: commands of the same configuration reach it, and take no other certificate for its own', async () => {
      const env = {
        PATH: String(process.env['PATH']),
        ...COMPILE_CACHE,
        AUTH_ENABLED: 'false',
        GATEWAY_ADDRESS: '127.0.0.1',
        GATEWAY_PORT: String(port)
      }
      const run = async (command: string, certificate: string) => {
        const files = {
          TLS_CERT_FILE: join(folder, `${certificate}.crt`),
          TLS_KEY_FILE: join(folder, `${certificate}.key`)
        }
        const child = spawn(process.execPath, [MAIN, command], { env: { ...env, ...files } })
        const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
        return out + err
      }
      expect(await run('adopt', 'first')).to.include('nothing waits for a decision')
      expect(await run('health', 'first'), 'no engine, but an answer').to.match(/^OK|the gateway answers 503/)
      makeCertificate(folder, 'other')
      expect(await run('health', 'other'), 'a health check sends nothing secret').to.match(
        /^OK|the gateway answers 503/
      )
      expect(await run('adopt', 'other')).to.include('the certificate of https://127.0.0.1')
    })
  })

  describe('its files', () => {
    let served: ServedCertificate | undefined
    let log: string[]
    const metrics = createMetrics({ nodeMetrics: false })
    beforeEach(() => {
      log = []
    })
    afterEach(() => served?.stop())

    async function serve(certFile: string, keyFile: string): Promise<ServedCertificate> {
      const config = loadConfig({ TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile })
      const logger = createLogger({ level: 'info', stream: { write: line => log.push(line) } })
      served = await assembleCertificate(config, { metrics, log: logger, intervalMs: 10 })
      if (served === undefined) throw new Error('there is a certificate')
      served.start()
      return served
    }

    it('S42: follows the symbolic links of Kubernetes and certbot', async () => {
      const versions = ['first', 'second'].map(name => {
        const { certFile, keyFile } = makeCertificate(folder, name)
        return { name, certFile, keyFile }
      })
      await symlink(folder, join(folder, '..data'))
      for (const { name } of versions) {
        const data = await mkdtemp(join(folder, `${name}-`))
        await copyFile(join(folder, `${name}.crt`), join(data, 'tls.crt'))
        await copyFile(join(folder, `${name}.key`), join(data, 'tls.key'))
        await symlink(data, join(folder, '..data_tmp'))
        await rename(join(folder, '..data_tmp'), join(folder, '..data'))
        served ??= await serve(join(folder, '..data/tls.crt'), join(folder, '..data/tls.key'))
        await eventually(() => expect(served?.current.names).to.include(`DNS:${name}`))
      }
    })

    it('S42: keeps the old pair while the new one does not fit, is broken or is gone, and says so', async () => {
      const { certFile, keyFile } = makeCertificate(folder, 'first')
      const other = makeCertificate(folder, 'second')
      const certificate = await serve(certFile, keyFile)
      const kept = () => log.filter(line => line.includes('Kept certificate')).length
      const refused = async (change: () => Promise<unknown>) => {
        const before = kept()
        await change()
        await eventually(() => expect(kept()).to.be.above(before))
        expect(certificate.current.names).to.include('DNS:first')
      }
      await refused(() => copyFile(other.certFile, certFile))
      await refused(() => truncate(certFile, 100))
      await refused(() => rm(keyFile))
      await refused(() => writeFile(keyFile, 'canary-of-a-key'))
      await copyFile(other.keyFile, keyFile)
      await copyFile(other.certFile, certFile)
      await eventually(() => expect(certificate.current.names).to.include('DNS:second'))
      expect((await metrics.expose()).text).to.match(/^docker_faas_tls_certificate_refused_total [1-9]/m)
      const key = (await readFile(other.keyFile, 'utf8')).split('\n')[1] ?? ''
      expect(log.join('')).not.to.include('canary-of-a-key').and.not.to.include(key)
    })

    it('S42: a pair that does not fit ends the start with code 78 and the name of the variable', async () => {
      const { certFile } = makeCertificate(folder, 'first')
      const { keyFile } = makeCertificate(folder, 'second')
      const gateway = new ServeProcess({
        STATE_DB_PATH: join(folder, 'test.db'),
        TLS_CERT_FILE: certFile,
        TLS_KEY_FILE: keyFile
      })
      expect((await gateway.exited).code).to.equal(78)
      expect(gateway.errors).to.include('TLS_KEY_FILE cannot be used').and.include('fits the certificate')
    })
  })
})
