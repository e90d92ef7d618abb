import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { builtCommit, cloneCommit } from './commit.ts'

const A = 'a'.repeat(40)
const B = 'b'.repeat(40)

describe('the commit that the program says it is of', () => {
  let root: string
  const write = (name: string, text: string) => {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
  beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'faas-commit-'))))
  afterEach(() => rmSync(root, { recursive: true }))

  it('is what a clone is at: of a branch, a branch among packed ones, or by itself', () => {
    write('.git/HEAD', 'ref: refs/heads/team/main\n')
    write('.git/packed-refs', `# pack-refs with: peeled\n${B} refs/heads/main\n${A} refs/heads/team/main\n^${B}\n`)
    expect(cloneCommit(root)).to.equal(A)
    write('.git/refs/heads/team/main', `${B}\n`)
    expect(cloneCommit(root)).to.equal(B)
    write('.git/HEAD', `${A}\n`)
    expect(cloneCommit(root)).to.equal(A)
  })

  it('is what the build wrote down', () => {
    write('commit', `${A}\n`)
    expect(builtCommit(root)).to.equal(A)
  })

  it('is empty where nothing says it, or something else', () => {
    expect([cloneCommit(root), builtCommit(root)]).to.deep.equal(['', ''])
    write('.git', 'gitdir: elsewhere\n')
    write('commit', 'unknown\n')
    expect([cloneCommit(root), builtCommit(root)]).to.deep.equal(['', ''])
  })
})
