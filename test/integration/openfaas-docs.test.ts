import { existsSync, globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import { CALL_ANNOTATIONS } from '../../api/call-settings.ts'
import { PROBE_ANNOTATIONS } from '../../api/probe.ts'
import { PROFILE_ANNOTATION } from '../../api/profile.ts'
import { SCALING_LABELS } from '../../api/scaling.ts'
import { startApi } from '../helpers/api-server.ts'

const PREFIX = 'com.openfaas.'
const ROOT = new URL('../../', import.meta.url)
const read = (path: string) => readFile(new URL(path, ROOT), 'utf8')
const page = () => read('docs/openfaas.md')
/** What stands in backticks. */
const quoted = (text: string) => [...text.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code)

describe('docs/openfaas.md', () => {
  it('names tests that are there', async () => {
    const text = await page()
    const titles = await read('test/integration/openfaas-contract.test.ts')
    const ids = quoted(text).filter(code => /^(cli|api|trap)\.[\w-]+$/.test(code))
    expect(ids).to.have.length.of.at.least(30)
    expect(ids.filter(id => !titles.includes(`'${id}:`) && !titles.includes(`\`${id}:`))).to.deep.equal([])
    const files = [...text.matchAll(/\]\(\.\.\/([\w/-]+\.test\.ts)\)/g)].map(([, path = '']) => path)
    expect(files).to.have.length.of.at.least(10)
    expect(files.filter(path => !existsSync(new URL(path, ROOT)))).to.deep.equal([])
  })

  it('leaves out no test of the contract', async () => {
    const text = await page()
    const titles = await read('test/integration/openfaas-contract.test.ts')
    const ids = new Set([...titles.matchAll(/it\(['`]((?:cli|api|trap)\.[\w-]+):/g)].map(([, id = '']) => id))
    expect([...ids].filter(id => !text.includes(`\`${id}\``))).to.deep.equal([])
  })

  it('names every route of the API of OpenFaaS', async () => {
    await using api = await startApi()
    const { paths } = (await api.request('GET', '/openapi.json')).json as { paths: Record<string, object> }
    const text = await page()
    const ours = new Set([
      '/system/config',
      '/system/metrics',
      '/system/function/{name}/containers',
      '/system/secrets/{name}'
    ])
    const routes = Object.keys(paths).filter(path => path.startsWith('/system/') && !path.includes('/function-async/'))
    expect(routes).to.have.length.of.at.least(8)
    expect(routes.filter(path => !ours.has(path) && !text.includes(path))).to.deep.equal([])
  })

  it('names metrics that the program has', async () => {
    const paths = globSync('{src,controllers}/**/*.ts', { cwd: ROOT }).filter(path => !path.endsWith('.test.ts'))
    const source = (await Promise.all(paths.map(read))).join('\n')
    const names = quoted(await page()).filter(code => /^(gateway|http|provider|queue_worker|pod)_\w+$/.test(code))
    expect(names).to.have.length.of.at.least(15)
    expect(names.filter(name => !source.includes(`'${name}'`))).to.deep.equal([])
  })

  it('names all labels and annotations of OpenFaaS that have an effect, and says of others that they have none', async () => {
    const all = [...SCALING_LABELS, ...CALL_ANNOTATIONS, ...PROBE_ANNOTATIONS, PROFILE_ANNOTATION]
    const known = all.filter(name => name.startsWith(PREFIX))
    const lines = (await page()).split('\n').filter(line => !line.includes('without an effect'))
    const named = quoted(lines.join('\n')).filter(code => code.startsWith(PREFIX))
    const covers = (name: string) =>
      named.some(code => (code.endsWith('*') ? name.startsWith(code.slice(0, -1)) : name === code))
    expect(known.filter(name => !covers(name))).to.deep.equal([])
    expect(named.filter(code => !code.endsWith('*') && !known.includes(code))).to.deep.equal([])
  })

  it('names variables of the configuration that are there', async () => {
    const config = quoted(await read('docs/configuration.md'))
    const elsewhere = ['OPENFAAS_NAME', 'OPENFAAS_NAMESPACE']
    const names = quoted(await page()).filter(code => /^[A-Z]+_[A-Z_]+$/.test(code))
    expect(names).to.have.length.of.at.least(10)
    expect(names.filter(name => !elsewhere.includes(name) && !config.includes(name))).to.deep.equal([])
  })
})
