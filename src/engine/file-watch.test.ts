import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { eventually } from '../../test/helpers/eventually.ts'
import { FileWatch } from './file-watch.ts'

describe('FileWatch', () => {
  it('G2: tells that the file came, changed, was replaced and went, until it is stopped', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'file-watch-'))
    const path = join(directory, 'config.json')
    let changes = 0
    const watch = new FileWatch(path, () => changes++, 10)
    const told = async (change: () => Promise<void>) => {
      const before = changes
      await change()
      await eventually(() => expect(changes).to.be.above(before))
    }
    watch.start()
    try {
      await told(() => writeFile(path, '{}'))
      await told(() => writeFile(path, '{"auths":{}}'))
      await told(async () => {
        await writeFile(`${path}.new`, '{"auths":[]}')
        await rename(`${path}.new`, path)
      })
      await told(() => rm(path))
    } finally {
      watch.stop()
    }
    const before = changes
    await writeFile(path, '{}')
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(changes).to.equal(before)
    await rm(directory, { recursive: true })
  })
})
