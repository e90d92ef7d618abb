import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { configNames } from '../src/config/config.ts'
import { renderConfigDocs } from './config-page.ts'

describe('docs/configuration.md', () => {
  const page = readFileSync(new URL('../docs/configuration.md', import.meta.url), 'utf8')

  it('is what `node hack/config-docs.ts` writes', () => {
    expect(page).to.equal(renderConfigDocs())
  })

  it('has a row for every variable', () => {
    for (const name of configNames()) expect(page).to.contain(`\n| \`${name}\` | `)
  })
})
