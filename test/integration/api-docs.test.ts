import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { REASONS } from '../../api/condition.ts'
import { HttpError, toProblem } from '../../src/http/errors.ts'
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

  it('names every code of a problem, and each has a title in words', async () => {
    const text = await readFile(new URL('../../docs/api.md', import.meta.url), 'utf8')
    const [, list = ''] = /^Codes of problems:(.*?)\n\n/ms.exec(text) ?? []
    const codes = [...list.matchAll(/`([A-Z_]+)`/g)].map(([, code]) => code ?? '')
    expect(codes).to.have.length.of.at.least(15)
    for (const code of codes) expect(toProblem(new HttpError(400, code, 'x'), '/').title).to.match(/^[A-Z][a-z]+/)
  })

  it('says of every reason of a condition what is so', async () => {
    const text = await readFile(new URL('../../docs/api.md', import.meta.url), 'utf8')
    const named = new Set([...text.matchAll(/`([^`\n]+)`/g)].flatMap(([, code = '']) => code.split(' ')))
    expect(REASONS.filter(reason => !named.has(reason))).to.deep.equal([])
  })

  it('names every route', async () => {
    await using api = await startApi()
    const text = await readFile(new URL('../../docs/api.md', import.meta.url), 'utf8')
    const { paths } = (await api.request('GET', '/openapi.json')).json as { paths: Record<string, object> }
    const operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map(method => `${method.toUpperCase()} ${path}`)
    )
    const named = operations.filter(
      operation => !/ \/(?:function\/\{name\}|async-function\/\{name\}\/)/.test(operation)
    )
    expect(named).to.have.length.of.at.least(25)
    expect(named.filter(operation => !text.includes(`\`${operation}`))).to.deep.equal([])
  })
})
