import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { readInterfaceNames } from './host-interfaces.ts'

const TABLE = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 8420 94 0 0 0 0 0 0 8420 94 0 0 0 0 0 0
br-0123456789ab: 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
docker0:1180299 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
`

describe('readInterfaceNames', () => {
  it('gives every name, however its numbers stand beside it', () => {
    expect(readInterfaceNames(() => TABLE)).to.deep.equal(['lo', 'br-0123456789ab', 'docker0'])
  })

  it('gives nothing where nothing is known', () => {
    const missing = () => {
      throw new Error('ENOENT')
    }
    expect(readInterfaceNames(missing)).to.deep.equal([])
  })

  it('sees what is down, as a bridge is that nothing is connected to', async () => {
    const module = new URL('host-interfaces.ts', import.meta.url).pathname
    const script = `import('${module}').then(({ readInterfaceNames }) => {
      console.log(readInterfaceNames().join(), Object.keys(require('node:os').networkInterfaces()).length)
    })`
    // Where `lo` alone is, and down.
    const { stdout } = await promisify(execFile)('unshare', ['--net', process.execPath, '-e', script])
    expect(stdout).to.equal('lo 0\n')
  })
})
