import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { getCondition } from '../../api/condition.ts'
import { useTestRun } from '../helpers/docker-run.ts'
import { eventually } from '../helpers/eventually.ts'
import { testkitImage } from '../helpers/images.ts'
import { rssMiB } from '../helpers/rss.ts'
import { ServeProcess } from '../helpers/serve-process.ts'

const MIB = 1024 ** 2
const GIB = 1024 ** 3
const PIECE = Buffer.alloc(256 * 1024, 'x')
/** What streaming may add to a gateway that has served a little. */
const BAR_MIB = 16
const SAMPLE_MS = 20

describe('large bodies through a gateway as a process', function () {
  // Two times 1 GiB through three processes, which take turns on two cores: some 3 s each way when they are quiet.
  this.timeout(180_000)
  const run = useTestRun()
  let folder: string
  let gateway: ServeProcess
  let port: number
  let path: string

  before(async () => {
    const { instance, prefix } = run()
    folder = await mkdtemp(join(tmpdir(), 'docker-faas-large-'))
    const env = { INSTANCE_ID: instance, STATE_DB_PATH: join(folder, 'test.db'), FUNCTIONS_NETWORK: `${prefix}net` }
    gateway = new ServeProcess(env)
    port = await gateway.listening()
    const name = `${prefix}large`
    path = `/function/${name}`
    await gateway.call('POST', '/v1/functions', {
      metadata: { name },
      spec: { image: await testkitImage(), replicas: 1 }
    })
    await eventually(
      async () => {
        const fn = await gateway.get(name)
        expect(getCondition(fn?.status.conditions ?? [], 'Ready')?.status).to.equal('True')
      },
      { timeoutMs: 30_000 }
    )
    // What is compiled, and what the allocator of C keeps of the first bytes (some 10 MiB, once), is there afterwards.
    await download(128 * MIB)
    await upload(128 * MIB)
  })
  after(async () => {
    await gateway.kill()
    await rm(folder, { recursive: true })
  })

  /** How many bytes of a body in chunks came, which are looked at and thrown away. */
  async function download(bytes: number): Promise<number> {
    let got = 0
    let tail = ''
    const buffer = Buffer.alloc(MIB)
    const onread = {
      buffer,
      callback: (length: number, piece: Uint8Array) => {
        got += length
        tail = Buffer.from(piece.subarray(Math.max(0, length - 5), length)).toString('latin1')
        return true
      }
    }
    const socket = net.connect({ port, host: '127.0.0.1', onread })
    socket.write(`GET ${path}/pour?bytes=${bytes} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
    await once(socket, 'close')
    expect(tail, 'the end of the last chunk').to.equal('0\r\n\r\n')
    return got
  }

  /** What the function says that it got. */
  async function upload(bytes: number): Promise<string> {
    const socket = net.connect({ port, host: '127.0.0.1' })
    let said = ''
    socket.setEncoding('latin1').on('data', text => {
      said += text
    })
    socket.write(`POST ${path}/swallow HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${bytes}\r\n\r\n`)
    for (let left = bytes; left > 0; left -= PIECE.length) {
      if (!socket.write(left < PIECE.length ? PIECE.subarray(0, left) : PIECE)) await once(socket, 'drain')
    }
    await once(socket, 'close')
    return said.slice(said.indexOf('\r\n\r\n') + 4)
  }

  /** The most that the gateway holds beyond what it held before, while `work` runs, in MiB. */
  async function growthWhile(work: () => Promise<unknown>): Promise<number> {
    const pid = gateway.child.pid ?? 0
    const before = rssMiB(pid)
    let peak = before
    const timer = setInterval(() => {
      peak = Math.max(peak, rssMiB(pid))
    }, SAMPLE_MS)
    await work()
    clearInterval(timer)
    return peak - before
  }

  it('X2, X16: 1 GiB of an answer and 1 GiB of a body add no more than 16 MiB to what the gateway holds', async () => {
    const down = await growthWhile(async () => expect(await download(GIB)).to.be.greaterThan(GIB))
    const up = await growthWhile(async () => expect(await upload(GIB)).to.equal(String(GIB)))
    expect(down, 'MiB for an answer').to.be.at.most(BAR_MIB)
    expect(up, 'MiB for a body').to.be.at.most(BAR_MIB)
  })
})
