import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { logFileOf, startGateway } from '../../hack/gateway.ts'
import { readSettings } from '../../hack/settings.ts'
import { eventually } from '../helpers/eventually.ts'
import { RSS_BAR_MIB, rssMiB } from '../helpers/rss.ts'
import { uniqueName } from '../helpers/unique-name.ts'

describe('an idle gateway, run from its sources as npm start does', function () {
  this.timeout(60_000)

  it('I10: weighs no more than 115 MiB', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'docker-faas-weight-'))
    const ports = { GATEWAY_PORT: '0', METRICS_PORT: '0' }
    const instance = uniqueName('weight')
    const env = { ...process.env, ...ports, INSTANCE_ID: instance, STATE_DB_PATH: join(directory, 'weighed.db') }
    const settings = readSettings(env)
    const gateway = startGateway(settings, env)
    try {
      await eventually(() => expect(gateway.lastLines().join('\n')).to.contain('Listening'), { timeoutMs: 30_000 })
      const pid = Number(readFileSync(join(settings.dataDir, 'gateway.pid'), 'utf8'))
      await eventually(() => expect(rssMiB(pid), logFileOf(settings)).to.be.at.most(RSS_BAR_MIB))
    } finally {
      gateway.stop()
      await gateway.ended
      rmSync(directory, { recursive: true })
    }
  })
})
