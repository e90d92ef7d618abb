import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import { CONTRACT_LINES } from '../helpers/openfaas-lines.ts'

const ROOT = new URL('../../', import.meta.url)

describe('each line of the OpenFaaS contract', () => {
  it('has a test that is there', async () => {
    const missing: string[] = []
    for (const { says, shownBy } of CONTRACT_LINES) {
      if (shownBy.length === 0) missing.push(`${says}: no test`)
      for (const [file, title] of shownBy) {
        // A file that is not there fails here as well, with its name.
        const text = await readFile(new URL(file, ROOT), 'utf8')
        const titles = [...text.matchAll(/\b(?:it|describe)\(\s*(['"`])((?:(?!\1).)*)\1/g)].map(
          ([, , found]) => found ?? ''
        )
        if (!titles.some(found => found.includes(title))) missing.push(`${says}: ${file}, ${title}`)
      }
    }
    expect(missing).to.deep.equal([])
  })

  it('is looked at by the suite that speaks as faas-cli does', async () => {
    const named = new Set(CONTRACT_LINES.flatMap(({ shownBy }) => shownBy.map(([, title]) => title.replace(/:.*/, ''))))
    const suites = ['openfaas-contract', 'openfaas-process'].map(name => `test/integration/${name}.test.ts`)
    const texts = await Promise.all(suites.map(file => readFile(new URL(file, ROOT), 'utf8')))
    const ids = texts.flatMap(text => [...text.matchAll(/it\(['`]([a-z]+\.[\w-]+):/g)].map(([, id]) => id ?? ''))
    expect(ids).to.have.length.of.at.least(40)
    expect([...new Set(ids)].filter(id => !named.has(id))).to.deep.equal([])
  })
})
