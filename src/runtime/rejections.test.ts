import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect } from 'chai'

/** In a process of its own: here mocha takes what nobody waits for. */
const PROGRAM = `
import { createLogger } from './src/logging/logger.ts'
import { Rejections } from './src/runtime/rejections.ts'
let count = 0
const rejections = new Rejections({ log: createLogger({ level: 'info' }), onRejection: () => count++ })
rejections.start()
void Promise.reject(new Error('the disk failed'))
setTimeout(() => {
  console.log('goes on after ' + count)
  rejections.stop()
  void Promise.reject(new Error('after the end'))
}, 1)
`

describe('rejections', () => {
  it('C3: tells of a promise that failed and that nobody waits for, and the process goes on', async () => {
    const run = promisify(execFile)(process.execPath, ['--input-type=module-typescript', '-e', PROGRAM])
    const ended = (await run.catch((err: unknown) => err)) as { code?: number; stdout: string; stderr: string }
    expect(ended.stdout)
      .to.match(/Promise failed that nobody waits for/)
      .and.to.contain('the disk failed')
    expect(ended.stdout).to.contain('goes on after 1')
    // Once it was stopped, it is as Node has it.
    expect(ended.code).to.equal(1)
    expect(ended.stderr).to.contain('after the end')
  })
})
