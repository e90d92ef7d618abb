import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { createAuthenticator, readAdminPassword } from './auth.ts'

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`

describe('createAuthenticator', () => {
  const { identify, isOwn } = createAuthenticator({ enabled: true, user: 'admin', password: 'p:ä s' })
  const table: [what: string, header: string | undefined, right: boolean][] = [
    ['the credentials', basic('admin:p:ä s'), true],
    ['them again', basic('admin:p:ä s'), true],
    ['the scheme in another case', basic('admin:p:ä s').replace('Basic', 'bAsIc'), true],
    ['no header', undefined, false],
    ['an empty header', '', false],
    ['Basic alone', 'Basic', false],
    ['Basic and nothing', 'Basic ', false],
    ['an empty Bearer', 'Bearer ', false],
    ['a Bearer with the credentials', basic('admin:p:ä s').replace('Basic', 'Bearer'), false],
    ['another password', basic('admin:p:ä'), false],
    ['an empty password', basic('admin:'), false],
    ['another user', basic('Admin:p:ä s'), false],
    ['no colon', basic('admin'), false],
    ['nothing but a colon', basic(':'), false],
    ['no base64', 'Basic ***', false],
    ['two credentials', `${basic('admin:p:ä s')}, ${basic('a:b')}`, false],
    ['a huge header', basic(`admin:${'x'.repeat(10_000)}`), false]
  ]
  for (const [what, header, right] of table) {
    it(`S18: ${right ? 'takes' : 'refuses'} ${what}`, () => {
      expect(identify(header)?.kind).to.equal(right ? 'admin' : undefined)
      expect(isOwn(header)).to.equal(right)
    })
  }

  it('lets everything pass when it is off, but still knows its own credentials', () => {
    const off = createAuthenticator({ enabled: false, user: 'admin', password: 'x' })
    expect(off.identify(undefined)?.kind).to.equal('anonymous')
    expect(off.identify('Basic nonsense')?.kind).to.equal('anonymous')
    expect(off.isOwn(undefined)).to.equal(false)
    expect(off.isOwn(basic('admin:x'))).to.equal(true)
  })

  it('takes nothing when there is no password', () => {
    for (const password of [undefined, '']) {
      const none = createAuthenticator({ enabled: true, user: 'admin', password })
      expect(none.identify(basic('admin:'))).to.equal(undefined)
      expect(none.identify(undefined)).to.equal(undefined)
    }
  })

  it('costs microseconds for a header that was right before', () => {
    const header = basic('admin:p:ä s')
    const started = performance.now()
    for (let i = 0; i < 20_000; i++) identify(header)
    expect((performance.now() - started) / 20_000).to.be.below(0.5)
  })
})

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
