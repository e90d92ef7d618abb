import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { eventually } from '../helpers/eventually.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { helloImage } from '../helpers/images.ts'

describe('a gateway whose key of secrets is lost', function () {
  this.timeout(60_000)
  let gateway: TestGateway
  let image: string
  const keyFile = () => join(dirname(gateway.databasePath), 'secrets-key')
  const metric = async () => /^faas_secret_keys_missing (\d+)$/m.exec(await gateway.metrics())?.[1]
  const put = (name: string, value: string) => gateway.call('PUT', `/v1/secrets/${name}`, { value })

  before(async () => {
    image = await helloImage()
    gateway = await TestGateway.start()
  })
  after(() => gateway.close())

  it('S24: starts, serves what runs, says what is wrong, and goes on when the key is back', async () => {
    expect((await stat(keyFile())).mode & 0o777).to.equal(0o600)
    expect((await put('key', 'one')).status).to.equal(201)
    await gateway.apply('kept', { image, secrets: ['key'] })
    await gateway.converged('kept')
    expect(await metric()).to.equal('0')
    const key = await readFile(keyFile(), 'utf8')

    await gateway.stop()
    await rm(keyFile())
    await gateway.start()
    expect(gateway.log.join('\n')).to.contain('Found no key of secrets')
    await gateway.converged('kept')
    expect((await gateway.call('GET', '/function/kept')).status).to.equal(200)
    expect(await metric()).to.equal('1')
    const refused = await put('other', 'two')
    expect([refused.status, JSON.parse(refused.text).code]).to.deep.equal([503, 'SECRET_KEY_UNAVAILABLE'])
    await gateway.apply('new', { image, secrets: ['key'] })
    const degraded = await gateway.reason('new', 'Degraded', 'SecretUnreadable')
    expect(degraded.message).to.contain('openfaas-fn/key').and.to.contain('secrets-key')
    expect(await stat(keyFile()).catch(() => 'none'), 'no new key is made').to.equal('none')

    await writeFile(keyFile(), key, { mode: 0o600 })
    await gateway.converged('new')
    expect(await metric()).to.equal('0')
    expect((await put('other', 'two')).status).to.equal(201)
    await eventually(() => expect(gateway.log.join('\n')).to.not.contain(key.trim().split('\n').at(-1)))
  })
})
