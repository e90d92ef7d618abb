import { readFileSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'

const ROOT = join(import.meta.dirname, '..')
const PURE =
  'controllers/*/{plan,plan-due,plan-frozen,plan-network,plan-replica,plan-secrets,rollout,revival,status,conditions,trouble,replica-summary,decide,bounds,window,restarts,history,step,container-spec,network-spec,desired,debug-ports,debug-status}.ts'
/** What makes a decision depend on more than its arguments. */
const IMPURE = [
  /\bawait\b/,
  /\basync\b/,
  /\bDate\.now\b/,
  /\bnew Date\(\)/,
  /\bperformance\b/,
  /\bMath\.random\b/,
  /\bprocess\b/
]

describe('decisions', () => {
  it('take values and return values: no await, no clock, no randomness, no environment', async () => {
    const files = await Array.fromAsync(glob(PURE, { cwd: ROOT }))
    expect(files.length).to.be.at.least(10)
    const found = files.flatMap(file => {
      const code = readFileSync(join(ROOT, file), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
      return IMPURE.filter(pattern => pattern.test(code)).map(pattern => `${file}: ${pattern}`)
    })
    expect(found).to.deep.equal([])
  })
})
