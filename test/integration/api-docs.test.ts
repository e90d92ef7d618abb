import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { PASSWORD, startApi } from '../helpers/api-server.ts'

const run = promisify(execFile)

describe('docs/api.md', () => {
  it('has examples that work as they stand, in their order', async () => {
    await using api = await startApi()
    const text = await readFile(new URL('../../docs/api.md', import.meta.url), 'utf8')
    const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block ?? '')
    expect(blocks).to.have.length.of.at.least(15)
    for (const block of blocks) {
      const env = { PATH: process.env['PATH'], GATEWAY: api.url, PASSWORD }
      await run('bash', ['-euc', block], { env })
    }
  }).timeout(60_000)

  it('names every route', async () => {
    const text = await readFile(new URL('../../docs/api.md', import.meta.url), 'utf8')
    const sources = ['functions', 'function-actions', 'reconcile', 'system-functions', 'system', 'health']
    for (const source of sources) {
      const code = await readFile(new URL(`../../src/http/routes/${source}.ts`, import.meta.url), 'utf8')
      for (const [, method = '', path = ''] of code.matchAll(/router\.(\w+)\('([^']+)'/g)) {
        expect(text).to.contain(`\`${method.toUpperCase()} ${path.replace(':name', '{name}')}`)
      }
    }
  })
})
