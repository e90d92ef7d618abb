import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { eventually } from '../helpers/eventually.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { helloImage } from '../helpers/images.ts'
import { inside } from '../helpers/inside.ts'

describe('the key of secrets of a gateway', function () {
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

  it('S25: is rotated while secrets are written and functions called, and touches no function', async () => {
    await put('rotated', 'value 0')
    await gateway.apply('steady', { image, secrets: ['rotated'] })
    await gateway.converged('steady')
    const startedAt = async () => (await gateway.docker.getContainer('steady-0').inspect()).State.StartedAt
    const before = await startedAt()
    const codes = new Set<number>()
    let isOver = false
    const load = Array.from({ length: 4 }, async (_, lane) => {
      for (let n = 0; !isOver; n++) {
        codes.add((await put(`lane-${lane}`, `value ${n}`)).status)
        codes.add((await gateway.call('GET', '/function/steady')).status)
      }
    })
    const answers = []
    for (let n = 0; n < 3; n++) answers.push(await gateway.call('POST', '/v1/secret-keys/rotate', { removeOld: true }))
    isOver = true
    await Promise.all(load)
    expect(answers.map(({ status }) => status)).to.deep.equal([200, 200, 200])
    expect([...codes].sort()).to.deep.equal([200, 201])
    const keys = (await readFile(keyFile(), 'utf8')).split('\n').filter(line => /^[0-9a-f]{64}$/.test(line))
    expect(keys, 'the old keys are removed').to.have.length(1)
    await gateway.stop()
    await gateway.start()
    await gateway.converged('steady')
    expect(await startedAt()).to.equal(before)
    await gateway.apply('reader', { image, secrets: ['rotated', 'lane-0', 'lane-1', 'lane-2', 'lane-3'] })
    await gateway.converged('reader')
    expect(await inside(gateway.docker, 'reader-0', 'cat', '/var/openfaas/secrets/rotated')).to.equal('value 0')
    expect(await inside(gateway.docker, 'reader-0', 'cat', '/var/openfaas/secrets/lane-0')).to.match(/^value \d+$/)
  })

  it('S24: when it is lost, lets the gateway serve what runs, which says what is wrong, and goes on when it is back', async () => {
    expect((await stat(keyFile())).mode & 0o777).to.equal(0o600)
    expect((await put('key', 'one')).status).to.equal(201)
    await gateway.apply('keyed', { image, secrets: ['key'] })
    await gateway.converged('keyed')
    expect(await metric()).to.equal('0')
    const key = await readFile(keyFile(), 'utf8')

    await gateway.stop()
    await rm(keyFile())
    await gateway.start()
    expect(gateway.log.join('\n')).to.contain('Found no key of secrets')
    await gateway.converged('keyed')
    expect((await gateway.call('GET', '/function/keyed')).status).to.equal(200)
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
