import { execFileSync } from 'node:child_process'
import { expect } from 'chai'

const LOADING = new URL('./loading.ts', import.meta.url).href

/** Whether TurboFan makes a function fast that runs often, while a process of its own loads and soon after that. */
function fastWhileAndAfter(): readonly [boolean, boolean] {
  const program = `
  import { setTimeout as delay } from 'node:timers/promises'
  const { beginLoading, endLoading } = await import(${JSON.stringify(LOADING)})
  const list = Array.from({ length: 100 }, (_, n) => n)
  const sum = list => { let all = 0; for (const each of list) all += each; return all }
  // V8 makes it fast on a thread of its own.
  const becomesFast = async () => {
    for (let round = 0; round < 50; round++) {
      for (let n = 0; n < 5000; n++) sum(list)
      if (%ActiveTierIsTurbofan(sum)) return true
      await delay(5)
    }
    return false
  }
  beginLoading()
  const meanwhile = await becomesFast()
  endLoading()
  console.log(JSON.stringify([meanwhile, await becomesFast()]))`
  const args = ['--allow-natives-syntax', '--input-type=module', '-e', program]
  return JSON.parse(execFileSync(process.execPath, args).toString())
}

describe('a process that loads', () => {
  it('I10: lets TurboFan make no function fast, and afterwards those that run often, also such as ran often before', () => {
    expect(fastWhileAndAfter()).to.deep.equal([false, true])
  })
})
