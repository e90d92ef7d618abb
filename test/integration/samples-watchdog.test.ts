import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { eventually } from '../helpers/eventually.ts'
import { freePort } from '../helpers/free-port.ts'

const folderOf = (sample: string) => fileURLToPath(new URL(`../../hack/samples/${sample}`, import.meta.url))

const WATCHDOGS = [
  { name: 'Node', program: process.execPath, args: ['watchdog/main.mjs'], cwd: folderOf('node') },
  { name: 'Python', program: 'python3', args: ['-m', 'watchdog'], cwd: folderOf('python') }
] as const
type Watchdog = (typeof WATCHDOGS)[number]

function start({ program, args, cwd }: Watchdog, env: Record<string, string>): ChildProcess {
  const stdio = ['ignore', 'ignore', 'pipe'] as const
  const own = { PATH: `/usr/bin:/bin:${process.env['PATH']}`, PYTHONDONTWRITEBYTECODE: '1' }
  return spawn(program, args, { cwd, stdio: [...stdio], env: { ...own, ...env } })
}

for (const watchdog of WATCHDOGS) {
  describe(`the watchdog of the samples in ${watchdog.name}`, () => {
    let port: number
    let child: ChildProcess

    before(async () => {
      port = await freePort()
      child = start(watchdog, { port: String(port), read_timeout: '500ms', max_body_bytes: '1000' })
      child.stderr?.resume()
      await eventually(async () => {
        expect((await fetch(`http://127.0.0.1:${port}/_/health`)).status).to.equal(200)
      })
    })
    after(async () => {
      const ended = once(child, 'exit')
      child.kill()
      expect(await ended).to.deep.equal([0, null])
    })

    const post = (body: string, headers: Record<string, string> = {}) =>
      fetch(`http://127.0.0.1:${port}/`, {
        method: 'POST',
        body,
        headers: { 'Content-Type': 'text/plain', ...headers }
      })

    /** What it answers to these bytes, until it ends the connection. */
    async function exchange(bytes: string): Promise<string> {
      const socket = connect(port, '127.0.0.1')
      socket.write(bytes)
      return text(socket)
    }

    it('answers 413 to a body beyond max_body_bytes, and goes on', async () => {
      expect((await post('x'.repeat(1001))).status).to.equal(413)
      expect((await post('x'.repeat(1000))).status).to.equal(200)
    })

    it('answers 408 to a request that is not there within read_timeout', async () => {
      const answer = await exchange('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf')
      expect(answer).to.match(/^HTTP\/1\.1 408 /)
    })

    it('refuses a body whose end is not clear', async () => {
      for (const headers of [
        'Content-Length: 3\r\nContent-Length: 4',
        'Content-Length: 3\r\nTransfer-Encoding: chunked',
        'Content-Length: -3',
        'Content-Length: +3'
      ]) {
        const answer = await exchange(`POST / HTTP/1.1\r\nHost: a\r\n${headers}\r\n\r\nabcd`)
        expect(answer, headers).to.match(/^HTTP\/1\.1 400 /)
        expect(answer.match(/HTTP\/1\.1/g), headers).to.have.length(1)
      }
    })

    it('reads chunks, and several requests of one connection', async () => {
      const chunked = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n'
      const body = '2\r\nAd\r\n1;x=y\r\na\r\n0\r\n\r\n'
      const answer = await exchange(`${chunked}\r\n${body}${chunked}Connection: close\r\n\r\n${body}`)
      expect(answer.match(/Hello, Ada!/g)).to.have.length(2)
    })

    it('refuses to start with a setting that it does not understand', async () => {
      for (const [name, value] of [
        ['exec_timeout', 'soon'],
        ['write_timeout', '5 s'],
        ['max_inflight', '-1']
      ] as const) {
        const refused = start(watchdog, { [name]: value })
        const [[code], said] = await Promise.all([once(refused, 'exit'), text(refused.stderr as NodeJS.ReadableStream)])
        expect(said).to.contain(`${name}=${value}: must be`)
        expect(code).to.equal(1)
      }
    })
  })
}
