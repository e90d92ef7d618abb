import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { verdictOf } from './audit-verdict.ts'
import { readLock } from './supply-chain.ts'
import {
  type LockPackages,
  type Manifest,
  nameOf,
  problemsOfLicences,
  problemsOfLock,
  problemsOfScripts,
  shippedPaths
} from './supply-chain-rules.ts'

const FINE: LockPackages = {
  '': { version: '1.0.0' },
  'node_modules/a': { version: '1.0.0', integrity: 'sha512-a', license: 'MIT' },
  'node_modules/a/node_modules/@b/c': { version: '1.0.0', integrity: 'sha512-c', license: '(GPL-3.0 OR MIT)' },
  'node_modules/tool': { version: '1.0.0', integrity: 'sha512-t', license: 'GPL-3.0', dev: true },
  'node_modules/tool-win32': { version: '1.0.0', license: 'GPL-3.0', dev: true, optional: true, os: ['win32'] }
}
const none = (): Manifest => ({})

describe('packages of others', () => {
  it('S44: are pinned by their contents, and not to a place', () => {
    expect(problemsOfLock(FINE)).to.deep.equal([])
    const bad = {
      ...FINE,
      'node_modules/x': { version: '1.0.0' },
      'node_modules/y': { integrity: 's', resolved: 'http://r/y' }
    }
    expect(problemsOfLock(bad).map(text => text.split(' ')[0])).to.deep.equal(['node_modules/x', 'node_modules/y'])
  })

  it('S44: run no script at install but those that are named', () => {
    expect(problemsOfScripts(FINE, none, {})).to.deep.equal([])
    const scripted = (path: string): Manifest => (path === 'node_modules/a' ? { scripts: { postinstall: 'sh' } } : {})
    expect(problemsOfScripts(FINE, scripted, {})[0])
      .to.contain('node_modules/a')
      .and.to.contain('postinstall')
    expect(problemsOfScripts(FINE, scripted, { a: false })).to.deep.equal([])
    const marked = { 'node_modules/a': { hasInstallScript: true } }
    expect(problemsOfScripts(marked, none, {})).to.have.length(1)
  })

  it('S44: have a licence that is allowed, when they are shipped', () => {
    expect(problemsOfLicences(FINE, none)).to.deep.equal([])
    const one = (license?: string, manifest?: Manifest) =>
      problemsOfLicences({ 'node_modules/x': { ...(license === undefined ? {} : { license }) } }, () => manifest)
    expect(one('AGPL-3.0')[0]).to.contain('node_modules/x has the licence AGPL-3.0')
    expect(one('MIT AND GPL-3.0')).to.have.length(1)
    expect(one()).to.deep.equal(['node_modules/x names no licence'])
    expect(one(undefined, { licenses: [{ type: 'MIT' }] })).to.deep.equal([])
  })

  it('S44: are listed as CycloneDX, each that is shipped and no other, with version, licence and hash', async function () {
    this.timeout(60_000)
    const folder = await mkdtemp(join(tmpdir(), 'docker-faas-sbom-'))
    try {
      const file = join(folder, 'sbom.json')
      await promisify(execFile)(process.execPath, ['hack/sbom.ts', file])
      const bom = JSON.parse(await readFile(file, 'utf8'))
      expect([bom.bomFormat, bom.metadata.component.name]).to.deep.equal(['CycloneDX', 'docker-faas'])
      expect(bom.specVersion).to.match(/^1\.\d$/)
      expect(bom.serialNumber).to.match(/^urn:uuid:[-0-9a-f]{36}$/)
      const packages = readLock()
      const shipped = shippedPaths(packages).map(path => `${nameOf(path)}@${packages[path]?.version}`)
      const listed = bom.components.map((c: { name: string; version: string }) => `${c.name}@${c.version}`)
      expect([...new Set(listed)].sort()).to.deep.equal([...new Set(shipped)].sort())
      for (const { purl, licenses, hashes, name } of bom.components) {
        expect(purl, name).to.match(/^pkg:npm\//)
        expect(hashes?.[0]?.alg, name).to.equal('SHA-512')
        expect(licenses, name).to.have.length.at.least(1)
      }
      const refs = new Set(bom.components.map((c: { 'bom-ref': string }) => c['bom-ref']))
      for (const { dependsOn } of bom.dependencies)
        for (const ref of dependsOn) expect(refs.has(ref), ref).to.equal(true)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('S44: are audited where the registry can be asked, and where not that is said', () => {
    expect(
      verdictOf(JSON.stringify({ metadata: { vulnerabilities: { low: 2, high: 0, critical: 0, total: 2 } } })).isBad
    ).to.equal(false)
    expect(
      verdictOf(JSON.stringify({ metadata: { vulnerabilities: { high: 1, critical: 0, total: 1 } } })).isBad
    ).to.equal(true)
    for (const output of ['', 'npm error', '{"message":"405 Method Not Allowed"}']) {
      const { text, isBad } = verdictOf(output)
      expect([text.startsWith('Not audited'), isBad]).to.deep.equal([true, false])
    }
  })
})
