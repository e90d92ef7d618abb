import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { removeDeadSockets } from './dead-sockets.ts'

/** Listens on the paths that argv names, says so, and goes on until it is killed. */
const LISTEN = `
  const { createServer } = require('node:net')
  let left = process.argv.length - 1
  for (const path of process.argv.slice(1)) createServer().listen(path, () => --left === 0 && console.log('listening'))`

describe('sockets of gateways that were killed', () => {
  let place: string
  beforeEach(async () => {
    place = await mkdtemp(join(tmpdir(), 'dead-sockets-'))
  })
  afterEach(() => rm(place, { recursive: true }))

  const old = (name: string) => utimes(join(place, name), 1, 1)

  it('go with their directories; what somebody listens on, is young, or is something else stays', async () => {
    const names = [
      'faas-dead00',
      'faas-young0',
      'faas-more00',
      'faas-live00',
      'faas-empty0',
      'faas-file00',
      'other-0000'
    ]
    for (const name of names) await mkdir(join(place, name))
    const killed = ['faas-dead00', 'faas-young0', 'faas-more00', 'other-0000'].map(name => join(place, name, 'api'))
    const child = spawn(process.execPath, ['-e', LISTEN, ...killed], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(child.stdout, 'data')
    child.kill('SIGKILL')
    await once(child, 'close')
    await writeFile(join(place, 'faas-more00', 'beside'), '')
    await writeFile(join(place, 'faas-file00', 'api'), '')
    const live = createServer(socket => socket.destroy()).listen(join(place, 'faas-live00', 'api'))
    await once(live, 'listening')
    for (const name of names.filter(name => name !== 'faas-young0')) await old(name)
    await removeDeadSockets(join(place, 'faas-'), 'api')
    live.close()
    expect(await readdir(place)).to.have.members(names.slice(1))
  })

  it('are none where there is no such place', async () => {
    await removeDeadSockets(join(place, 'none', 'faas-'), 'api')
  })
})
