import { execFileSync } from 'node:child_process'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { openStore } from '../../src/store/open.ts'
import { aDraft, Scratch, TestClock } from '../fixtures/db/files.ts'
import { anEnvironment, runCli, startCli } from '../helpers/cli.ts'
import { COMPILE_CACHE, MAIN } from '../helpers/program.ts'

const BESIDE = { 'instance-key': 'a key', 'admin-password': 'a password', 'audit-head': 'a row' }

describe('docker-faas backup', () => {
  let scratch: Scratch
  const cli = (...args: string[]) => runCli(['backup', ...args], { env: { STATE_DB_PATH: scratch.path } })
  const open = (path = scratch.path) => openStore({ path, clock: new TestClock() })
  const namesIn = async (path: string) => {
    await using store = await open(path)
    return (await store.functions.list()).map(({ metadata }) => metadata.name)
  }
  beforeEach(async () => {
    scratch = await Scratch.create()
    for (const [name, text] of Object.entries({ ...BESIDE, 'secrets-key': 'another key' })) {
      await writeFile(join(scratch.directory, name), text, { mode: 0o644 })
    }
  })
  afterEach(() => scratch[Symbol.asyncDispose]())

  it('copies a database that is in use, with what is only in its log, and the files beside it, for its owner alone', async () => {
    await using store = await open()
    await store.functions.put('openfaas-fn/kept', () => aDraft('kept'))
    const folder = join(scratch.directory, 'backups/monday')
    const { code, stdout, stderr } = await cli(folder)
    expect([code, stdout]).to.deep.equal([0, ''])
    expect(stderr)
      .to.match(/^backed up docker-faas\.db, /)
      .and.contain(`left out ${join(scratch.directory, 'secrets-key')}`)
    expect(await readdir(folder)).to.have.members(['docker-faas.db', ...Object.keys(BESIDE)])
    for (const name of await readdir(folder)) expect((await stat(join(folder, name))).mode & 0o777).to.equal(0o600)
    expect((await stat(folder)).mode & 0o777).to.equal(0o700)
    expect(await readFile(join(folder, 'instance-key'), 'utf8')).to.equal('a key')
    expect(await namesIn(join(folder, 'docker-faas.db'))).to.deep.equal(['kept'])
  })

  it('takes the key of the secrets along only when it is told to', async () => {
    await (await open()).close()
    const { stderr } = await cli(join(scratch.directory, 'all'), '--secrets-key')
    expect(stderr).to.contain('secrets-key').and.not.contain('left out')
    expect(await readFile(join(scratch.directory, 'all/secrets-key'), 'utf8')).to.equal('another key')
  })

  it('writes an archive to the standard output, and never to a terminal', async () => {
    await using store = await open()
    await store.functions.put('openfaas-fn/kept', () => aDraft('kept'))
    const archive = execFileSync(process.execPath, [MAIN, 'backup', '-'], {
      env: { ...COMPILE_CACHE, STATE_DB_PATH: scratch.path },
      stdio: ['ignore', 'pipe', 'ignore']
    })
    const folder = join(scratch.directory, 'unpacked')
    await mkdir(folder)
    execFileSync('tar', ['-xf', '-', '-C', folder], { input: archive })
    expect(await namesIn(join(folder, 'docker-faas.db'))).to.deep.equal(['kept'])
    expect((await stat(join(folder, 'admin-password'))).mode & 0o777).to.equal(0o600)

    const terminal = anEnvironment({ env: { STATE_DB_PATH: scratch.path }, isTTY: true })
    expect((await startCli(['backup', '-'], terminal).done).code).to.equal(2)
  })

  it('writes over nothing, and leaves nothing of a backup that failed', async () => {
    await (await open()).close()
    const folder = join(scratch.directory, 'old')
    await mkdir(folder)
    await writeFile(join(folder, 'docker-faas.db'), 'of yesterday')
    const { code, stderr } = await cli(folder)
    expect([code, stderr]).to.deep.equal([
      2,
      `docker-faas: ${folder} is not empty: name a folder that is not there yet\n`
    ])
    expect((await cli(join(folder, 'docker-faas.db'))).code).to.equal(2)
    expect(await readFile(join(folder, 'docker-faas.db'), 'utf8')).to.equal('of yesterday')

    await writeFile(scratch.path, 'no database')
    expect((await cli(join(scratch.directory, 'new'))).code).to.equal(78)
    expect((await readdir(scratch.directory)).filter(name => /backup|new/.test(name))).to.deep.equal([])
  })

  it('says where it looked when there is no database', async () => {
    const { code, stderr } = await cli(join(scratch.directory, 'new'))
    expect(code).to.equal(1)
    expect(stderr).to.contain(`there is no database at ${scratch.path}: set STATE_DB_PATH`)
  })
})
