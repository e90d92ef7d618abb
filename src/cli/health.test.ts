import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import { anEnvironment } from '../../test/helpers/cli.ts'
import { checkHealth } from './health.ts'

describe('docker-faas health', () => {
  let server: Server
  let status = 200
  let written = ''
  const asked: string[] = []

  beforeEach(async () => {
    asked.length = 0
    written = ''
    server = createServer((req, res) => {
      asked.push(`${req.method} ${req.url}`)
      res.writeHead(status).end(status === 200 ? 'OK' : 'unhealthy')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
  })
  afterEach(() => {
    server.close()
    server.closeAllConnections()
  })

  const check = (env: Record<string, string> = {}) => {
    const port = String((server.address() as AddressInfo | null)?.port ?? 9)
    const environment = anEnvironment({ env: { GATEWAY_PORT: port, ...env } })
    return checkHealth(environment).finally(() => {
      written = environment.stdout.text
    })
  }
  const outcome = (call: Promise<void>) => call.then(String, (err: Error) => err.message)

  it('asks the gateway of the configuration, at an address that can be connected to', async () => {
    status = 200
    await check({ GATEWAY_ADDRESS: '0.0.0.0' })
    expect(asked).to.deep.equal(['GET /healthz'])
    expect(written).to.equal('OK\n')
  })

  it('fails with the answer of a gateway that is not well', async () => {
    status = 503
    expect(await outcome(check())).to.equal('the gateway answers 503: unhealthy')
  })

  it('fails when nobody answers', async () => {
    server.close()
    await once(server, 'close')
    expect(await outcome(check())).to.match(/ECONNREFUSED/)
  })
})
