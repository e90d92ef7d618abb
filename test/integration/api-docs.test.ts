import { execFile } from 'node:child_process'
import { globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { REASONS } from '../../api/condition.ts'
import { REMEDIES } from '../../src/cli/remedies.ts'
import { HttpError, toProblem } from '../../src/http/errors.ts'
import { PASSWORD, startApi } from '../helpers/api-server.ts'

const run = promisify(execFile)
const ROOT = new URL('../../', import.meta.url)

/** Codes of errors that handlers throw, out of the source. */
async function codesOfSource(): Promise<string[]> {
  const paths = globSync('{api/errors,src/http/**/*,src/workers/*}.ts', { cwd: ROOT })
  const sources = await Promise.all(
    paths.filter(path => !path.endsWith('.test.ts')).map(path => readFile(new URL(path, ROOT), 'utf8'))
  )
  const thrown = /(?:HttpError\(\s*\d{3},|fault\(\d{3},|readonly code =)\s*'([A-Z_]+)'/g
  const codes = [...sources.join('\n').matchAll(thrown)].map(([, code]) => code ?? '')
  expect(codes).to.have.length.of.at.least(30)
  return codes
}

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
    const [, list = ''] = /^Codes of problems, by status:\n\n(.*?)\n\n/ms.exec(text) ?? []
    const codes = [...list.matchAll(/`([A-Z_]{4,})`/g)].map(([, code]) => code ?? '')
    expect(codes).to.include.members(await codesOfSource())
    for (const code of codes) expect(toProblem(new HttpError(400, code, 'x'), '/').title).to.match(/^[A-Z][a-z]* [a-z]/)
  })

  it('says of every reason of a condition what is so', async () => {
    const text = await readFile(new URL('../../docs/api.md', import.meta.url), 'utf8')
    const named = new Set([...text.matchAll(/`([^`\n]+)`/g)].flatMap(([, code = '']) => code.split(' ')))
    expect(REASONS.filter(reason => !named.has(reason))).to.deep.equal([])
  })

  it('says what helps against the same faults as the command line', async () => {
    const text = await readFile(new URL('../../docs/api.md', import.meta.url), 'utf8')
    const [, rows = ''] = /^\| reason \| what is so \| what helps \|\n(.*?)\n\n/ms.exec(text) ?? []
    const reasons = rows.split('\n').flatMap(row => [...(row.split('|')[1] ?? '').matchAll(/`(\w+)`/g)])
    expect(reasons.map(([, reason]) => reason)).to.have.members(Object.keys(REMEDIES))
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
