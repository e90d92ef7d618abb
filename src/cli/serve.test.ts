import { expect } from 'chai'
import { loadedModules } from '../../test/helpers/loaded-packages.ts'

describe('a gateway that nobody has asked for anything', () => {
  it('I10: has loaded nothing of the OpenAPI document, and so no schema of an answer', () => {
    const modules = loadedModules(new URL('./serve.ts', import.meta.url))
    expect(modules.some(url => url.endsWith('/src/http/routes/openapi.ts'))).to.equal(true)
    const unasked = /\/(?:src\/http\/openapi|api\/wire)\/(?!shape\.ts)|\/api\/(?:event|usage|schedule-view)\.ts/
    expect(modules.filter(url => unasked.test(url))).to.deep.equal([])
  })
})
