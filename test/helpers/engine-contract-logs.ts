import { expect } from 'chai'
import type { LogLine, LogQuery } from '../../src/engine/engine.ts'
import { type ContractWorld, rejects } from './engine-contract-world.ts'
import { eventually } from './eventually.ts'

const NEVER = new AbortController().signal
/** Not too long for a variable of the environment. */
const LONG = 90_000
const PART = 64 * 1024

/** What holds for the log of a container. */
export function describeLogs(t: ContractWorld): void {
  describe('the lines of a log', () => {
    const print = (bytes: string | Buffer) =>
      t.run({ env: { MODE: 'print', PRINT: Buffer.from(bytes).toString('base64') } })
    const read = (name: string, query: LogQuery = {}) =>
      Array.fromAsync(t.engine.readLogs(name, query, NEVER) as AsyncIterable<LogLine>)
    /** Once there are so many. */
    const lines = (name: string, count: number, query?: LogQuery) =>
      eventually(async () => {
        const found = await read(name, query)
        expect(found).to.have.length(count)
        return found
      })

    it('are those of stdout and stderr, each with its time', async () => {
      const { name } = await t.run({ env: { MODE: 'log' } })
      const found = await lines(name, 2)
      const texts = found.map(({ stream, text }) => `${stream}: ${text}`)
      expect(texts).to.have.members(['stdout: to stdout', 'stderr: to stderr'])
      for (const { timestamp } of found) expect(timestamp).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/)
    })

    it('are without their ends, and none is left out', async () => {
      const { name } = await print('one\r\n\n  two \nthree\n')
      expect((await lines(name, 4)).map(({ text }) => text)).to.deep.equal(['one', '', '  two ', 'three'])
    })

    it('are the last ones when so many are asked for, and none before a time', async () => {
      const { name } = await print('1\n2\n3\n')
      const [, second] = await lines(name, 3)
      expect((await read(name, { tail: 2 })).map(({ text }) => text)).to.deep.equal(['2', '3'])
      expect(await read(name, { tail: 0 })).to.deep.equal([])
      const since = await read(name, { since: second?.timestamp ?? '' })
      expect(since[0]).to.deep.equal(second)
      expect(since.at(-1)?.text).to.equal('3')
    })

    it('are whole though the engine keeps long ones in parts, and cut at 64 KiB', async () => {
      const { name } = await print(`${'a'.repeat(40_000)}\n${'b'.repeat(LONG - 40_000)}\nend\n`)
      expect((await lines(name, 3)).map(({ text }) => text.length)).to.deep.equal([40_000, LONG - 40_000, 3])
      const { name: longer } = await print(`${'c'.repeat(LONG)}\nend\n`)
      expect((await lines(longer, 3)).map(({ text }) => text.length)).to.deep.equal([PART, LONG - PART, 3])
    })

    it('have replacement characters for what is no UTF-8', async () => {
      const { name } = await print(Buffer.from([0x61, 0xff, 0x62, 0x0a, 0xe2, 0x82, 0xac, 0x0a]))
      expect((await lines(name, 2)).map(({ text }) => text)).to.deep.equal(['a\ufffdb', '€'])
    })

    it('are none of a container that never ran, and a fault of one that is not there', async () => {
      const { name } = await t.create()
      expect(await read(name)).to.deep.equal([])
      expect(await read(name, { follow: true })).to.deep.equal([])
      await rejects('not-found', read(t.aName()))
    })

    it('come as they are written when they are followed, until it ends, the last one without an end', async () => {
      const { name } = await print('first\nlast without end')
      const seen: string[] = []
      const reading = (async () => {
        for await (const { text } of t.engine.readLogs(name, { follow: true }, NEVER)) seen.push(text)
      })()
      await eventually(() => expect(seen).to.deep.equal(['first']))
      await t.engine.signalContainer(name, 'SIGKILL')
      await reading
      await t.exited(name)
      expect((await read(name)).map(({ text }) => text)).to.deep.equal(['first', 'last without end'])
      expect((await read(name, { follow: true })).map(({ text }) => text)).to.include('first')
    })

    it('are followed until the signal aborts', async () => {
      const { name } = await print('first\n')
      const leaving = new AbortController()
      const seen: string[] = []
      const reading = (async () => {
        const query = { follow: true, tail: 0 }
        for await (const { text } of t.engine.readLogs(name, query, leaving.signal)) seen.push(text)
      })()
      await eventually(async () => {
        await t.engine.signalContainer(name, 'SIGUSR1')
        expect(seen).to.include('again')
      })
      leaving.abort()
      await reading
      expect(await Array.fromAsync(t.engine.readLogs(name, {}, AbortSignal.abort()))).to.deep.equal([])
    })
  })
}
