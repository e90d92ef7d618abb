import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { readAdminPassword } from './admin-password.ts'

describe('readAdminPassword', () => {
  let directory: string
  let generatedFile: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'faas-auth-'))
    generatedFile = join(directory, 'data', 'admin-password')
  })
  afterEach(() => rm(directory, { recursive: true }))

  const write = async (text: string) => {
    const file = join(directory, 'password')
    await writeFile(file, text)
    return file
  }

  it('S16: generates one of at least 128 bits when none is set, into a file of its own user alone', async () => {
    const first = await readAdminPassword({ generatedFile })
    expect(first).to.include({ source: 'generated', generatedNow: true })
    expect(first).not.to.have.property('warning')
    expect(Buffer.from(first.password, 'base64url')).to.have.length.of.at.least(16)
    expect((await stat(generatedFile)).mode & 0o777).to.equal(0o600)
    expect(await readdir(join(directory, 'data'))).to.deep.equal(['admin-password'])
  })

  it('S16: keeps the generated one', async () => {
    const first = await readAdminPassword({ generatedFile })
    const second = await readAdminPassword({ generatedFile })
    expect(second).to.deep.equal({ password: first.password, source: 'generated', generatedNow: false })
  })

  it('S16: gives two starts at once the same one', async () => {
    const starts = await Promise.all(Array.from({ length: 8 }, () => readAdminPassword({ generatedFile })))
    expect(new Set(starts.map(({ password }) => password)).size).to.equal(1)
    expect(starts.filter(({ generatedNow }) => generatedNow)).to.have.length(1)
    expect(await readFile(generatedFile, 'utf8')).to.equal(`${starts[0]?.password}\n`)
  })

  it('warns of a generated file that is open to others', async () => {
    await readAdminPassword({ generatedFile })
    await chmod(generatedFile, 0o644)
    expect((await readAdminPassword({ generatedFile })).warning).to.contain('chmod 600')
  })

  it('takes that of the environment or of a file, without a line end, and generates none then', async () => {
    expect(await readAdminPassword({ password: 'a', generatedFile })).to.include({
      password: 'a',
      source: 'environment'
    })
    const file = await write('b\r\n')
    expect(await readAdminPassword({ file, generatedFile })).to.include({ password: 'b', source: 'file' })
    expect(await readAdminPassword({ password: 'b', file, generatedFile })).to.include({ password: 'b' })
    expect(await readdir(directory)).to.deep.equal(['password'])
  })

  it('counts an empty variable as unset', async () => {
    expect(await readAdminPassword({ password: '', file: '', generatedFile })).to.include({ source: 'generated' })
  })

  const refused: [what: string, sources: () => Promise<{ password?: string; file?: string }>, says: string][] = [
    ['two that differ', async () => ({ password: 'a', file: await write('b') }), 'hold different passwords'],
    ['an empty file', async () => ({ file: await write('\n') }), 'is empty'],
    ['a missing file', async () => ({ file: join(directory, 'none') }), 'could not be read']
  ]
  for (const [what, sources, says] of refused) {
    it(`refuses ${what}, and tells no password`, async () => {
      const given = await sources()
      const error = await readAdminPassword({ ...given, generatedFile }).then(
        () => undefined,
        (err: Error) => err
      )
      expect(error?.message).to.contain(says)
    })
  }

  it('refuses an empty generated file rather than going on without a password', async () => {
    await readAdminPassword({ generatedFile })
    await writeFile(generatedFile, '')
    const error = await readAdminPassword({ generatedFile }).catch((err: Error) => err)
    expect(error).to.be.instanceOf(Error)
  })
})
